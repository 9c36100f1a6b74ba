/**
 * `npm run console-pictures` takes a picture of every screen of the console, in light and dark, at two widths, into
 * `docs/console`. They are of two gateways on Postgres and Redis. `--only <screen>`: of this one alone.
 */
import { mkdir } from "node:fs/promises";
import { parseArgs } from "node:util";
import { launchChromium } from "../test/services/launch-chromium.ts";
import { startPrivatePostgres } from "../test/services/postgres-server.ts";
import { startPrivateRedis } from "../test/services/redis-server.ts";
import { openConsole } from "../test/support/console-page.ts";
import { openConsoleScene } from "../test/support/console-scene.ts";
import { startTestGateway } from "../test/support/test-gateway.ts";

const SIZES = [
  { width: 1600, height: 1000 },
  { width: 390, height: 844 },
] as const;
const { values } = parseArgs({ options: { only: { type: "string" } } });
const folder = new URL("../../../docs/console/", import.meta.url).pathname;
await mkdir(folder, { recursive: true });
const postgres = await startPrivatePostgres();
const redis = await startPrivateRedis();
const services = { databaseUrl: postgres.url, redisUrl: redis.url };
const a = await startTestGateway(services);
const b = await startTestGateway(services);
const scene = await openConsoleScene(a, b);
const browser = await launchChromium();
for (const colorScheme of ["light", "dark"] as const) {
  for (const { width, height } of SIZES) {
    const { page, shows, settles, close } = await openConsole(browser, b.url, {
      key: b.apiKey,
      width,
      height,
      colorScheme,
    });
    await shows("support");
    for (const { name, path, shows: words } of scene.screens) {
      if (values.only !== undefined && values.only !== name) continue;
      await page.goto(b.url + path);
      await shows(words);
      await settles();
      await page.screenshot({ path: `${folder}${name}-${colorScheme}-${width}.png`, animations: "disabled" });
    }
    await close();
  }
}
scene.close();
await browser.close();
await Promise.all([a.close(), b.close()]);
await redis.remove();
await postgres.remove();
process.exit(0);
