/** The admin API and the metrics as one HTTP app. */
import { Layer } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as Admin from "../../Admin.ts"
import { HostServices } from "../../HostServices.ts"
import * as Metrics from "../../Metrics.ts"

export const app = HttpRouter.toHttpEffect(Layer.mergeAll(Admin.layer(HostServices), Metrics.layer(HostServices)))
export type AdminApp = typeof app
