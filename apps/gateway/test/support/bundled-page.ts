import { join } from "node:path";
import { rolldown } from "rolldown";

const root = join(import.meta.dirname, "../../../..");

/**
 * Bundles a page for a browser, from the sources of this repository: the one at `path`, or the module `code`. React is
 * in development: StrictMode then takes each component off and puts it back.
 */
export async function bundledPage(page: { readonly path: string } | { readonly code: string }): Promise<string> {
  const input = join(root, "path" in page ? page.path : "page-of-a-test.js");
  const bundle = await rolldown({
    input,
    cwd: root,
    platform: "browser",
    transform: { define: { "process.env.NODE_ENV": JSON.stringify("development") } },
    plugins:
      "path" in page
        ? []
        : [
            {
              name: "page of a test",
              resolveId: (id: string) => (id === input ? id : null),
              load: (id: string) => (id === input ? page.code : null),
            },
          ],
  });
  const { output } = await bundle.generate({ format: "esm" });
  await bundle.close();
  return output[0].code;
}
