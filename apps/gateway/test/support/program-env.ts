/**
 * What any program of this repository needs in its environment. `NODE_COMPILE_CACHE` names a folder with compiled
 * modules, which halves the work of a start. `npm test` sets it.
 */
export function programEnv(): Record<string, string> {
  const { PATH = "", HOME = "", NODE_COMPILE_CACHE: cache } = process.env;
  return { PATH, HOME, ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }) };
}
