-- Words of work, by which engines hear of it: what arq itself writes when a job is enqueued, and a nudge for engines that
-- are idle. A word names no job. One free word a queue is enough: whoever claims leaves another where more waits, and
-- what was lost with an engine is said again by the reaper and whenever an engine says that it is there.
--
-- Keys: unstill:arq:<lane> unstill:words unstill:work
--   And arq's own: arq:job:<word>, and arq:in-progress:<word>, which is only looked for.

-- arq's `serialize_job` of `work` without arguments, up to the time. Written by hand: cmsgpack packs an empty table as
-- an array, and arq's keyword arguments are a map.
local CALL = '\1\133\161t\192\161f\164work\161a\144\161k\128\162et'

-- Scores far below today's milliseconds are due whatever the clocks of engines say; a score of 0 would never run.
local function ring(lane)
  local queue = 'unstill:arq:' .. lane
  for _, word in ipairs(redis.call('ZRANGE', queue, 0, -1)) do
    if redis.call('EXISTS', 'arq:job:' .. word) == 0 then
      redis.call('ZREM', queue, word)
    elseif redis.call('EXISTS', 'arq:in-progress:' .. word) == 0 then
      return
    end
  end
  local number = redis.call('INCR', 'unstill:words')
  local word = lane .. ':' .. number
  redis.call('SET', 'arq:job:' .. word, CALL .. cmsgpack.pack(NOW), 'PX', TIMES.word)
  redis.call('ZADD', queue, number, word)
  redis.call('PUBLISH', 'unstill:work', lane)
end
