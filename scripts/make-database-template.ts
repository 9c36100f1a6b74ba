/** Makes the empty database that embedded gateways start from, if it is not there yet. */
import { pgliteTemplate } from "../apps/gateway/src/adapters/postgres/pglite-template.ts";

await pgliteTemplate();
