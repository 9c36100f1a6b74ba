import { missingServices } from "../services/services.ts";
import { startTestGateway, type TestGateway, type TestGatewayOptions } from "./test-gateway.ts";
import { startTwoGateways } from "./two-gateways.ts";

/** Two gateways of one store, which are one and the same where there is no fleet. */
export interface GatewayPair {
  readonly a: TestGateway;
  readonly b: TestGateway;
  close(): Promise<unknown>;
}

/** Starts one embedded gateway, which is both of a pair. */
export async function startAlone(options?: TestGatewayOptions): Promise<GatewayPair> {
  const gateway = await startTestGateway(options);
  return { a: gateway, b: gateway, close: () => gateway.close() };
}

/** For `describe.each`: the name of each kind of pair, how it is opened, and whether its services are missing. */
export const GATEWAY_PAIRS: readonly [
  name: string,
  open: (options?: TestGatewayOptions) => Promise<GatewayPair>,
  isSkipped: boolean,
][] = [
  ["on the embedded store", (options) => startAlone(options), false],
  [
    "with two gateways on Postgres and Redis",
    (options) => startTwoGateways(() => options ?? {}),
    await missingServices("postgres", "redis"),
  ],
];
