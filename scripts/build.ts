/**
 * `npm run build`: builds what is published. `npm pack -w <workspace>` does it by itself, and makes a tarball.
 */
import { buildPackage } from "./build-package.ts";
import { PACKAGES } from "./packages.ts";

for (const published of PACKAGES) {
  const { name, version } = await buildPackage(published);
  console.log(`built ${name} ${version}`);
}
