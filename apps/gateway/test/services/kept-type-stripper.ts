/**
 * Loads Node's own type stripper, which is WebAssembly, in the process of a test. The workers for schemas run from
 * their sources there, and each would load it, and free its code at its end. V8 shares the code of one process. As long
 * as it is kept here, it is never freed: a fault of V8 then ends the process now and then (nodejs/node#64500).
 */
import { stripTypeScriptTypes } from "node:module";

stripTypeScriptTypes("");
