/** The keys of the gateway's callers. Only the response that creates a key contains its secret. */
import { Credential, CredentialId } from "@signalbox/core/Credentials"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Busy, Conflict, NotFound, StorageFull, Unavailable, Unconfirmed } from "./Problems.ts"

const files = [Busy, StorageFull, Unavailable, Unconfirmed] as const

/** `/api/credentials`. */
export class CredentialsGroup extends HttpApiGroup.make("credentials")
  .add(
    HttpApiEndpoint.get("list", "/credentials", {
      success: Schema.Struct({ credentials: Schema.Array(Credential), cursor: Schema.String }),
    }),
    HttpApiEndpoint.post("add", "/credentials", {
      payload: Schema.Struct({
        id: CredentialId,
        label: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(200))),
        /** The aliases that the key may use. Without them it may use every model. */
        models: Schema.optionalKey(Schema.Array(Schema.String).check(Schema.isMaxLength(1_000))),
      }),
      success: Schema.Struct({ credential: Credential, secret: Schema.String }).pipe(HttpApiSchema.status(201)),
      error: [Conflict, ...files],
    }),
    HttpApiEndpoint.delete("revoke", "/credentials/:id", {
      params: { id: Schema.String },
      success: HttpApiSchema.NoContent,
      error: [NotFound, ...files],
    }),
  )
  .prefix("/api")
  .annotateMerge(OpenApi.annotations({ title: "Keys" })) {}
