import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { startPrivatePostgres } from "../test/services/postgres-server.ts";
import { startPrivateRedis } from "../test/services/redis-server.ts";
import { startSystem, type System } from "./system.ts";

/** The processes that take part in a benchmark. */
export interface Systems {
  readonly model: System;
  /** `streamText` piped into a response. */
  readonly pipe: System;
  /** The same through `resumable-stream`, which keeps it in Redis. */
  readonly resumable: System;
  readonly gateway: System;
  readonly key: string;
  readonly databaseUrl: string;
  /** Starts `streamText` with a tool and with commits to the same Postgres. It ends with the rest. */
  startToolPipe(): Promise<System>;
  /** Starts another gateway on the same services. The caller stops it, or it ends with the rest. */
  startGateway(settings?: Readonly<Record<string, string>>): Promise<System>;
  stop(): Promise<void>;
}

/** What makes a commit durable. Throwaway servers for tests go without. */
const DURABLE = ["fsync=on", "full_page_writes=on", "synchronous_commit=on"];

const near = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Starts them all, with a Postgres and a Redis of their own. */
export async function startSystems(): Promise<Systems> {
  const key = `hsafa_${randomBytes(32).toString("base64url")}`;
  const services = await Promise.all([startPrivatePostgres({ settings: DURABLE }), startPrivateRedis()]);
  const [postgres, redis] = services;
  const systems: System[] = [];
  const started = async (...params: Parameters<typeof startSystem>): Promise<System> => {
    const system = await startSystem(...params);
    systems.push(system);
    return system;
  };
  const stop = async (): Promise<void> => {
    for (const system of systems.toReversed()) await system.stop();
    await Promise.all(services.map((service) => service.remove()));
  };
  try {
    const model = await started(near("model-server.ts"));
    const startGateway: Systems["startGateway"] = (more) =>
      started(near("../src/main.ts"), [], {
        PORT: "0",
        DATABASE_URL: postgres.url,
        REDIS_URL: redis.url,
        HSAFA_ADMIN_KEY: key,
        OPENAI_COMPATIBLE_BASE_URL: model.url,
        OPENAI_COMPATIBLE_API_KEY: "none",
        ...more,
      });
    return {
      model,
      pipe: await started(near("pipe.ts"), [model.url]),
      resumable: await started(near("resumable-pipe.ts"), [model.url, redis.url]),
      gateway: await startGateway(),
      key,
      databaseUrl: postgres.url,
      startToolPipe: () => started(near("tool-pipe.ts"), [model.url, postgres.url]),
      startGateway,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
