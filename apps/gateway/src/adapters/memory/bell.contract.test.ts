import { bellSuite } from "../../../test/contracts/bell.suite.ts";
import { createMemoryBell } from "./bell.ts";

bellSuite("memory", async () => {
  const bell = createMemoryBell({ report: () => {} });
  return { bell, elsewhere: bell, close: () => bell.close() };
});
