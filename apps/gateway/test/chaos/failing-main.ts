/**
 * The gateway's program with a failpoint: it dies as by kill -9 at the point in `HSAFA_FAILPOINT`. With
 * `HSAFA_FAILPOINT_ABOUT` it dies there only if the arguments or the result contain this text. Without a failpoint it
 * is like `src/main.ts`.
 */
import { flushCompileCache } from "node:module";
import { readSettings } from "../../src/config.ts";
import { openPorts } from "../../src/open-ports.ts";
import { serveGateway } from "../../src/serve-gateway.ts";
import { withFailpoints } from "./failpoints.ts";

const failpoint = process.env["HSAFA_FAILPOINT"];
const text = process.env["HSAFA_FAILPOINT_ABOUT"] ?? "";

const settings = readSettings();
const opened = await openPorts(settings);
const services = withFailpoints(opened.ports, (point, about) => {
  if (point === failpoint && (text === "" || JSON.stringify(about).includes(text)))
    process.kill(process.pid, "SIGKILL");
});
const gateway = await serveGateway(settings, { ...opened, ports: { ...opened.ports, ...services } });
process.once("SIGTERM", () => {
  gateway.close().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
// What dies by kill -9 would leave nothing in the cache for the next start.
flushCompileCache();
process.stdout.write(`listening on ${gateway.url}\n`);
