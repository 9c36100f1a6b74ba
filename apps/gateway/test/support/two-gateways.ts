import { freshDatabase, redisUrl } from "../services/services.ts";
import { startTestGateway, type TestGateway, type TestGatewayOptions } from "./test-gateway.ts";

/** Two gateways that share only one Postgres and one Redis. */
export interface TwoGateways {
  readonly a: TestGateway;
  readonly b: TestGateway;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  close(): Promise<void>;
}

/** Starts both. `of` returns the options of the gateway of this name. */
export async function startTwoGateways(of: (name: "a" | "b") => TestGatewayOptions = () => ({})): Promise<TwoGateways> {
  const database = await freshDatabase();
  const services = { databaseUrl: database.url, redisUrl: await redisUrl() };
  const a = await startTestGateway({ ...services, ...of("a") });
  const b = await startTestGateway({ ...services, ...of("b") });
  return {
    a,
    b,
    ...services,
    async close() {
      await Promise.all([a.close(), b.close()]);
      await database.drop();
    },
  };
}
