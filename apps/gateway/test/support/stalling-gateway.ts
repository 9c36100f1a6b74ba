/**
 * The gateway's program with one function: `burn` keeps the event loop for `ms`. It is what a bug in an embedding
 * program, or in a library beneath us, does to a gateway.
 */
import { startGateway } from "../../src/gateway.ts";
import { readSettings } from "../../src/config.ts";

const gateway = await startGateway(readSettings(), {
  functions: {
    burn(args) {
      const until = performance.now() + (args as { readonly ms: number }).ms;
      while (performance.now() < until);
      return "burnt";
    },
  },
});
process.stdout.write(`listening on ${gateway.url}\n`);
