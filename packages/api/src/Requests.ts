/** Problem details for requests that do not fit the contract. */
import { HttpApiMiddleware } from "effect/http-api"
import { RequestProblems } from "./Problems.ts"

/** Translates violations of the contract into `Invalid` and other problems. */
export class Requests extends HttpApiMiddleware.Service<Requests>()("@signalbox/api/Requests", {
  error: RequestProblems,
}) {}
