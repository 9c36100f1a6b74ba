import { defineConfig, type Plugin } from "vite";

export default defineConfig({
  plugins: [earlyScript()],
  build: {
    target: "es2022",
    emptyOutDir: true,
    // A policy without exceptions lets no style of a script in. Each file is a file.
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    license: { fileName: "assets/licenses.txt" },
    chunkSizeWarningLimit: 800,
    rolldownOptions: {
      output: {
        // A page waits for each of its files. So what all of them need is one file, and what several need another one.
        codeSplitting: {
          groups: [
            { name: "early", test: /src\/early\//, priority: 3 },
            { name: "app", tags: ["$initial"], priority: 2 },
            { name: "shared", minShareCount: 2, priority: 1 },
          ],
        },
      },
      onwarn(warning, warn) {
        // Libraries mark what is for browsers alone. All of this is.
        if (warning.code !== "MODULE_LEVEL_DIRECTIVE") warn(warning);
      },
    },
  },
});

/** Lets the script of the early reads begin before the others, and wait for no style. */
function earlyScript(): Plugin {
  return {
    name: "early-script",
    transformIndexHtml: {
      order: "post",
      handler(_html, { bundle = {} }) {
        const early = Object.values(bundle).find((file) => file.type === "chunk" && file.name === "early");
        if (early === undefined) throw new Error("the build made no script of the early reads");
        const attrs = { type: "module", async: true, crossorigin: true, src: `/${early.fileName}` };
        return [{ tag: "script", attrs, injectTo: "head-prepend" }];
      },
    },
  };
}
