/** Makes the empty database that embedded gateways begin with, if it is not there. */
import { pgliteTemplate } from "../apps/gateway/src/adapters/postgres/pglite-template.ts";

await pgliteTemplate();
