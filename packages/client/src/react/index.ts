/** hsafa for React 19: runs, conversations and devices as hooks. */
export { type HsafaContext, HsafaProvider, type HsafaProviderProps, useHsafa } from "./hsafa-provider.ts";
export type { RunSnapshot } from "./run-store.ts";
export type { ThreadSnapshot, UnsentMessage } from "./thread-store.ts";
export { type ShownDevice, useDevice, type UseDeviceOptions } from "./use-device.ts";
export { type ShownRun, useRun } from "./use-run.ts";
export {
  type SendOptions,
  type ShownMessage,
  type ShownThread,
  type ThreadQuestion,
  useThread,
  type UseThreadOptions,
} from "./use-thread.ts";
