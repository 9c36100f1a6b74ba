/**
 * The gateway's program with a point in `HSAFA_FAILPOINT` at which it dies as by kill -9; without one it is as
 * `src/main.ts`. With `HSAFA_FAILPOINT_ABOUT` it dies there only where what is asked for or answered holds this text.
 */
import { readSettings } from "../../src/config.ts";
import { startGateway } from "../../src/gateway.ts";
import { withFailpoints } from "./failpoints.ts";

const failpoint = process.env["HSAFA_FAILPOINT"];
const text = process.env["HSAFA_FAILPOINT_ABOUT"] ?? "";

const gateway = await startGateway(readSettings(), {
  wrapServices: (services) =>
    withFailpoints(services, (point, about) => {
      if (point === failpoint && (text === "" || JSON.stringify(about).includes(text)))
        process.kill(process.pid, "SIGKILL");
    }),
});
process.once("SIGTERM", () => {
  gateway.close().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
process.stdout.write(`listening on ${gateway.url}\n`);
