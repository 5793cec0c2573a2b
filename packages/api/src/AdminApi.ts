/** The admin API of a host as one contract. The server implements it; the typed client and the OpenAPI document are derived from it. */
import { HttpApi, OpenApi } from "effect/http-api"
import { Authorization } from "./Authorization.ts"
import { ConfigGroup } from "./ConfigGroup.ts"
import { CredentialsGroup } from "./CredentialsGroup.ts"
import { EventsGroup } from "./EventsGroup.ts"
import { HealthGroup } from "./HealthGroup.ts"
import { ModelsGroup } from "./ModelsGroup.ts"
import { Requests } from "./Requests.ts"
import { ServicesGroup } from "./ServicesGroup.ts"
import { StatsGroup } from "./StatsGroup.ts"
import { version } from "./Version.ts"

/** Every endpoint. All except those of health require the token. */
export class AdminApi extends HttpApi.make("signalbox")
  .add(ConfigGroup, EventsGroup, ServicesGroup, ModelsGroup, StatsGroup, CredentialsGroup)
  .middleware(Authorization)
  .add(HealthGroup)
  .middleware(Requests)
  .annotateMerge(
    OpenApi.annotations({
      title: "Signalbox",
      version,
      description: "The admin API of a Signalbox host. Errors are RFC 9457 problem details.",
    }),
  ) {}
