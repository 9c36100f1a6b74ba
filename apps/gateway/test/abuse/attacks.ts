import type { Attack } from "./attack.ts";
import { checkedSchemas } from "./attacks/checked-schemas.ts";
import { interruptions, longForks, longThreads } from "./attacks/conversation-floods.ts";
import { families } from "./attacks/families.ts";
import { fullInbox } from "./attacks/full-inbox.ts";
import { echoedFailures, emptyParts, unreadStreams } from "./attacks/hostile-providers.ts";
import { costlyBodies, largePages, pipelining, wrongKeys } from "./attacks/http-floods.ts";
import { largeFiles } from "./attacks/large-files.ts";
import { largeObjects } from "./attacks/large-objects.ts";
import { pushedSchemas } from "./attacks/pushed-schemas.ts";
import { silentModels } from "./attacks/silent-models.ts";
import { largeResults, pings, refreshes, strangers } from "./attacks/socket-floods.ts";

/** Every attack, in the order in which they are played. */
export const ATTACKS: readonly Attack[] = [
  checkedSchemas,
  pushedSchemas,
  echoedFailures,
  emptyParts,
  fullInbox,
  silentModels,
  pings,
  refreshes,
  largeResults,
  strangers,
  unreadStreams,
  pipelining,
  wrongKeys,
  costlyBodies,
  largePages,
  longForks,
  longThreads,
  interruptions,
  families,
  largeFiles,
  largeObjects,
];
