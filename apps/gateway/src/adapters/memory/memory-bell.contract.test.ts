import { bellSuite } from "../../../test/contracts/bell.suite.ts";
import { recordingLog } from "../../../test/support/recording-log.ts";
import { createMemoryBell } from "./memory-bell.ts";

bellSuite("memory", async () => {
  const bell = createMemoryBell({ log: recordingLog() });
  return { bell, elsewhere: bell, close: () => bell.close() };
});
