import { type Browser, chromium } from "playwright-core";
import { findChromium } from "./find-program.ts";

/**
 * Launches Chromium, with further arguments if it needs some. The caller closes it. Pages of one port of loopback may
 * ask another one, as pages of a site ask a gateway elsewhere.
 */
export async function launchChromium(...more: readonly string[]): Promise<Browser> {
  const found = await findChromium();
  if (found.kind === "missing") throw new Error(found.reason);
  // Chromium's sandbox refuses root, which tests are in a container.
  const args = ["--no-sandbox", "--disable-features=LocalNetworkAccessChecks", ...more];
  return chromium.launch({ executablePath: found.path, args });
}
