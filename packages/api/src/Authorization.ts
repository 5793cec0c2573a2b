/** The token of the admin API: a caller sends the content of the host's token file. */
import { HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import { Unauthorized } from "./Problems.ts"

/** Requires `Authorization: Bearer <token>`. `AdminClient` adds it. */
export class Authorization extends HttpApiMiddleware.Service<Authorization>()("@signalbox/api/Authorization", {
  requiredForClient: true,
  security: { bearer: HttpApiSecurity.bearer },
  error: Unauthorized,
}) {}
