import { deviceTools } from "hsafa";
import assistant from "./agents/assistant.ts";

/** What this machine does for the agent. The names and arguments are checked against the agent's tools. */
export default deviceTools(assistant, {
  get_time: () => new Date().toString(),
  roll_dice: ({ count }) => Array.from({ length: count }, () => 1 + Math.floor(Math.random() * 6)),
});
