/** What every endpoint answers to a request that is none: problem details, as for everything else that goes wrong. */
import { HttpApiMiddleware } from "effect/http-api"
import { RequestProblems } from "./Problems.ts"

/** Turns what the contract refuses into `Invalid`, and so on. */
export class Requests extends HttpApiMiddleware.Service<Requests>()("@signalbox/api/Requests", {
  error: RequestProblems,
}) {}
