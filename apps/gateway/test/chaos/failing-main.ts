/**
 * The gateway's program with a point in `HSAFA_FAILPOINT` at which it dies as by kill -9; without one it is as
 * `src/main.ts`. With `HSAFA_FAILPOINT_ABOUT` it dies there only where what is asked for or answered holds this text.
 */
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
process.stdout.write(`listening on ${gateway.url}\n`);
