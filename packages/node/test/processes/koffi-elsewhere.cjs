// Preloaded with --require: a machine on which koffi's binary has another name.
const Module = require("node:module")
const resolve = Module._resolveFilename
Module._resolveFilename = (request, ...rest) => {
  if (/^@koromix\/.*\.node$/.test(request)) throw new Error(`Cannot find module '${request}'`)
  return resolve(request, ...rest)
}
