/** Who may use the admin API: whoever can read the host's token file, and sends what is in it. */
import { HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import { Unauthorized } from "./Problems.ts"

/** `Authorization: Bearer <token>`; the client adds it, see `AdminClient`. */
export class Authorization extends HttpApiMiddleware.Service<Authorization>()("@signalbox/api/Authorization", {
  requiredForClient: true,
  security: { bearer: HttpApiSecurity.bearer },
  error: Unauthorized,
}) {}
