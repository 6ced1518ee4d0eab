-- Streams, and the server's file, without what was deleted.
--
-- Keys: unstill:job:<id> unstill:rewrite
-- compact(stream): 'ok' | 'none'
--   Writes a stream anew. What is deleted from a stream, or trimmed, stays in the memory of its node and so in the
--   server's file until the whole node goes. Written anew, the stream holds what can be read of it about jobs that are
--   on record, and nothing else; its readers go on.
-- rewritten(asked): 'ok'
--   Whoever asked for the server's file to be written anew at `asked` or before need not ask again.

function op.compact(stream)
  if redis.call('EXISTS', stream) == 0 then return { 'none' } end
  local groups, last = {}, nil
  local about = redis.call('XINFO', 'STREAM', stream)
  for i = 1, #about, 2 do
    if about[i] == 'last-generated-id' then last = about[i + 1] end
  end
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local known = {}
    for i = 1, #group, 2 do known[group[i]] = group[i + 1] end
    groups[known['name']] = known['last-delivered-id']
  end
  local entries = redis.call('XRANGE', stream, '-', '+')
  redis.call('DEL', stream)
  local written
  for _, entry in ipairs(entries) do
    -- the first field of each is its job's id
    if redis.call('EXISTS', JOB .. entry[2][2]) == 1 then
      redis.call('XADD', stream, entry[1], unpack(entry[2]))
      written = entry[1]
    end
  end
  if last ~= '0-0' and written ~= last then
    -- ids go up for ever, as readers say after which one they go on
    redis.call('XADD', stream, last, 'id', '')
    redis.call('XDEL', stream, last)
  end
  for name, delivered in pairs(groups) do redis.call('XGROUP', 'CREATE', stream, name, delivered, 'MKSTREAM') end
  return { 'ok' }
end

function op.rewritten(asked)
  if redis.call('GET', 'unstill:rewrite') == asked then redis.call('DEL', 'unstill:rewrite') end
  return { 'ok' }
end
