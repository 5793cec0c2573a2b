/** Sample requests for every endpoint of the admin API. Most carry the secret, many in a place where the request is refused. */
import { type AdminRequest, secret } from "./AdminHost.ts"

export interface Sample extends AdminRequest {
  /** Default: the path of the contract. */
  readonly path?: string
}

const json = (value: unknown): Sample => ({ body: JSON.stringify(value) })
const valueAt = (path: string, sample: Sample = {}): Sample => ({ ...sample, path: `/api/config/value?path=${path}` })
const provider = { kind: "openai", api_key: secret }

/** By endpoint. `hash` is a document of the history. */
export const samples = (hash: string): Readonly<Record<string, ReadonlyArray<Sample>>> => ({
  "config.update": [
    json({ edits: [{ path: "/providers/b", value: provider }] }),
    { body: `{"edits":"${secret}` },
    json({ edits: secret }),
    json({ edits: [{ path: 3, value: secret }], [secret]: secret }),
  ],
  "config.get": [{}],
  "config.summary": [{}],
  "config.getValue": [valueAt(""), valueAt("/providers/openai/api_key")],
  "config.setValue": [
    valueAt("/providers/c/api_key", json({ value: secret })),
    valueAt("/default_model_alias", json({ value: secret })),
    valueAt("/providers/openai/kind", json({ value: secret })),
    valueAt("/providers/openai/api_kee", json({ value: secret })),
  ],
  "config.removeValue": [valueAt("/providers/b")],
  "config.replace": [
    json({ text: `{ "providers": { "x": { "kind": "openai", "api_key": ["${secret}"] } } }` }),
    json({ text: `{ "providers": ${secret} }` }),
    json({ text: secret }),
  ],
  "config.plan": [
    json({ text: `{ "providers": { "x": ${JSON.stringify(provider)} } }` }),
    json({ edits: [{ path: "/providers/openai/api_key", value: `${secret}2` }] }),
    json({ edits: [{ path: "/listen/port", value: secret }] }),
  ],
  "config.reload": [json({ ignoreEnvironment: true })],
  "config.undo": [{}],
  "config.history": [{}],
  "config.past": [{ path: `/api/config/history/${hash}` }],
  "config.diff": [{ path: `/api/config/diff?from=${hash}` }],
  "config.schema": [{}],
  "events.follow": [{ path: `/api/events?types=${secret}` }, { path: `/api/events?after=${secret}` }],
  "services.list": [{}],
  "models.list": [{}],
  "stats.snapshot": [{}, { path: `/api/stats?window=${secret}` }],
  "credentials.list": [{}],
  "credentials.add": [json({ id: `${secret} with spaces` }), json({ id: "a", models: secret })],
  "credentials.revoke": [{ path: "/api/credentials/unknown" }],
  "health.healthz": [{}],
  "health.readyz": [{}],
})
