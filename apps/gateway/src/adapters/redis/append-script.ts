import { defineScript } from "redis";
import { formatPosition } from "@hsafa/protocol";
import type { EventRecord } from "../../core/event-record.ts";

export interface AppendParams {
  readonly stream: string;
  readonly channel: string;
  readonly records: readonly EventRecord[];
  readonly recordsMax: number;
  readonly ttlMs: number;
}

/**
 * Appends a batch and announces what was accepted, as one step: in MULTI a refused XADD would not keep the PUBLISH from
 * going out. Which id is too low is Redis's own judgement. Any other error ends the script before anything is
 * announced. Answers the places in the batch, from 1, that were accepted. The message is what `news-text.ts` reads.
 */
const SCRIPT = `
local stream, channel, recordsMax, ttlMs = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local accepted, lines = {}, {}
for at = 4, #ARGV, 5 do
  local id, prev, kind, ts, payload = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local added
  if prev == '-' then
    added = redis.pcall('XADD', stream, 'MAXLEN', '~', recordsMax, id, 'type', kind, 'ts', ts, 'payload', payload)
  else
    added = redis.pcall('XADD', stream, 'MAXLEN', '~', recordsMax, id, 'type', kind, 'ts', ts, 'payload', payload, 'prev', prev)
  end
  if type(added) ~= 'table' then
    accepted[#accepted + 1] = (at + 1) / 5
    lines[#lines + 1] = id .. ' ' .. prev .. ' ' .. kind .. ' ' .. ts .. ' ' .. payload
  elseif not string.find(added.err, 'equal or smaller', 1, true) then
    return added
  end
end
if #accepted > 0 then
  redis.call('PEXPIRE', stream, ttlMs)
  redis.call('PUBLISH', channel, table.concat(lines, '\\n'))
end
return accepted
`;

/** Run by EVALSHA; node-redis sends the text when Redis does not know it (any more). */
export const appendScript = defineScript({
  SCRIPT,
  NUMBER_OF_KEYS: 1,
  IS_READ_ONLY: false,
  parseCommand(parser, params: AppendParams) {
    parser.pushKey(params.stream);
    parser.push(params.channel, String(params.recordsMax), String(params.ttlMs));
    for (const record of params.records) {
      parser.push(
        formatPosition(record),
        record.prev === null ? "-" : formatPosition(record.prev),
        record.type,
        String(record.ts),
        record.payload,
      );
    }
  },
  transformReply: (places: number[]): readonly number[] => places,
});
