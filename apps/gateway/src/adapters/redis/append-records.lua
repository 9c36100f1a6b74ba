-- Appends a batch of records to a run's stream, and publishes the accepted ones.
--
-- It is one script because a refused XADD within MULTI would not keep the PUBLISH from going out. Redis itself decides
-- which id is too low. Any other error ends the script before anything is published.
--
-- KEYS[1] the stream. ARGV: channel, most records kept, time to live in ms; id or '-', type and ts of the fact below; then
-- five of each record: id, prev or '-', type, ts, payload. Returns the places of the accepted records in the batch, from
-- 1. It returns 0 alone if the stream holds another fact in a place where one of these stands: then it is of a lost
-- history. The published message is what live-message.ts reads.
local stream, channel, recordsMax, ttlMs = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local accepted, lines = {}, {}

-- 'same', 'other' or 'none': what the stream holds at the place of a fact.
local function heldAt(id, kind, ts)
  local held = redis.call('XRANGE', stream, id, id)[1]
  if not held then return 'none' end
  -- The fields are in the order in which they are written below.
  return (held[2][2] == kind and held[2][4] == ts) and 'same' or 'other'
end

if ARGV[4] ~= '-' then
  local below = heldAt(ARGV[4], ARGV[5], ARGV[6])
  if below == 'other' then return { 0 } end
  if below == 'none' then redis.call('DEL', stream) end
end
for at = 7, #ARGV, 5 do
  local id, prev, kind, ts, payload = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local added
  if prev == '-' then
    added = redis.pcall('XADD', stream, 'MAXLEN', '~', recordsMax, id, 'type', kind, 'ts', ts, 'payload', payload)
  else
    added = redis.pcall('XADD', stream, 'MAXLEN', '~', recordsMax, id, 'type', kind, 'ts', ts, 'payload', payload, 'prev', prev)
  end
  if type(added) ~= 'table' then
    accepted[#accepted + 1] = (at - 2) / 5
    lines[#lines + 1] = id .. ' ' .. prev .. ' ' .. kind .. ' ' .. ts .. ' ' .. payload
  elseif not string.find(added.err, 'equal or smaller', 1, true) then
    return added
  elseif prev ~= '-' and heldAt(id, kind, ts) == 'other' then
    return { 0 }
  end
end
if #accepted > 0 then
  redis.call('PEXPIRE', stream, ttlMs)
  redis.call('PUBLISH', channel, table.concat(lines, '\n'))
end
return accepted
