import type { Route } from "./route.ts";
import { agentRoutes } from "./routes/agents.ts";
import { auditRoutes } from "./routes/audit.ts";
import { deviceRoutes } from "./routes/devices.ts";
import { eventRoutes } from "./routes/events.ts";
import { fileRoutes } from "./routes/files.ts";
import { fleetRoutes } from "./routes/fleet.ts";
import { quotaRoutes } from "./routes/quotas.ts";
import { keyRoutes } from "./routes/keys.ts";
import { runRoutes } from "./routes/runs.ts";
import { secretRoutes } from "./routes/secrets.ts";
import { sessionRoutes } from "./routes/session.ts";
import { tenantRoutes } from "./routes/tenants.ts";
import { threadRoutes } from "./routes/threads.ts";
import { tokenRoutes } from "./routes/tokens.ts";
import { toolCallRoutes } from "./routes/tool-calls.ts";

/** Every call of the API: what is served is what is documented. */
export const apiRoutes: readonly Route[] = [
  ...tokenRoutes,
  ...sessionRoutes,
  ...keyRoutes,
  ...agentRoutes,
  ...runRoutes,
  ...eventRoutes,
  ...toolCallRoutes,
  ...threadRoutes,
  ...fileRoutes,
  ...deviceRoutes,
  ...secretRoutes,
  ...quotaRoutes,
  ...tenantRoutes,
  ...auditRoutes,
  ...fleetRoutes,
];
