# ruff: noqa: E501 (a planted bug is read beside the line it replaces)
"""Plants bugs in copies of the ledger's script and shows that the machine finds each: `make test-mutants`.

Some of them alone, after a change of what they are about: `.venv/bin/python -m tests.queue.mutants refit quota`, which
plants those whose name or place has one of the words.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from redis import Redis
from tests.queue.ledger_machine import TIMES, machine_for

from unstill_queue.ledger.script import script_text
from unstill_queue.redis.embedded import EmbeddedValkey

MUTANTS: dict[str, tuple[str, str]] = {
    "a lease that ends in this very millisecond is dropped from the index": (
        "if lease > NOW and near(lease) then return due(id, lease) end",
        "if lease >= NOW then redis.call('ZREM', DUE, id) return end",
    ),
    "an answer is not put into the due index": ("  due(id, NOW + TIMES.answer)\n  tell(id, 'answer')\nend\n\n-- Take a record",
                                                "  redis.call('ZREM', DUE, id)\n  tell(id, 'answer')\nend\n\n-- Take a record"),
    "a beat holds a job for as long as a courier has": ("set(id, 'lease', num(NOW + TIMES.lease))\n", "set(id, 'lease', num(NOW + TIMES.send_lease))\n"),
    "an early look stays when its clip is there": ("redis.call('HDEL', JOB .. id, 'progress', 'look')", "redis.call('HDEL', JOB .. id, 'progress')"),
    "an early look of a try that was lost stays": ("redis.call('HDEL', JOB .. id, 'owner', 'progress', 'look')", "redis.call('HDEL', JOB .. id, 'owner', 'progress')"),
    "an early look is kept of what nobody wants any more": ("  if look and look ~= '' and not get(id, 'cancel') then\n", "  if look and look ~= '' then\n"),
    "an early look stays when somebody cancels": ("    redis.call('HDEL', JOB .. id, 'look')\n    redis.call('PUBLISH'", "    redis.call('PUBLISH'"),
    "what waits is given up when its delivery would be": ("'wait', num(TIMES.wait))\n  reserve", "'wait', num(TIMES.give_up))\n  reserve"),
    "a courier has no longer than an engine": ("due(id, NOW + TIMES.send_lease)", "due(id, NOW + TIMES.lease)"),
    "anybody may finish a running job": ("if state == 'running' and get(id, 'owner') == owner then", "if state == 'running' then"),
    "one who lapsed may finish though another has the job": (
        "if state == 'queued' and get(id, 'lapsed') == owner then return 'lapsed' end",
        "if get(id, 'lapsed') == owner then return 'lapsed' end",
    ),
    "each channel that a person writes as has quotas and turns of its own": ("return get(id, 'account') or get(id, 'person') end", "return get(id, 'person') end"),
    "a request over its account's rate is written down": ("  if fast then return refused_by_pace(fast) end\n", ""),
    "an update that is seen again counts on the rate": (
        "  if state then return { 'seen', state } end\n  local shut = shut_out(account, place)\n  if shut then return shut end\n  local fast = too_fast(account, tonumber(per_minute))\n",
        "  local fast = too_fast(account, tonumber(per_minute))\n  if state then return { 'seen', state } end\n",
    ),
    "a request is taken though the host has shut the intake, or its person out": ("  local shut = shut_out(account, place)\n  if shut then return shut end\n  local fast", "  local fast"),
    "what was here before is refused when the intake is shut": (
        "  if state then return { 'seen', state } end\n  local shut = shut_out(account, place)\n  if shut then return shut end\n",
        "  local shut = shut_out(account, place)\n  if shut then return shut end\n  if state then return { 'seen', state } end\n",
    ),
    "new words are counted though the host has shut the intake": ("  local shut = shut_out(account, place)\n  if shut then return shut end\n  local wait", "  local wait"),
    "who is kept out is told so again and again": ("    redis.call('HSET', BLOCKED, name, since .. ' told')\n", ""),
    "a chat that is kept out comes in": ("  if not since then name, since = place, found[2] end\n", ""),
    "a person who is kept out comes in": ("local name, since = account, found[1]", "local name, since = account, false"),
    "engines take jobs though the host has shut them": ("  if engines_are_shut() then return { bad } end\n", ""),
    "a claim whose answer was lost gives nothing when engines are shut": (
        "  local bad = {}\n  local before = redis.call('GET', 'unstill:claim:' .. owner)",
        "  local bad = {}\n  if engines_are_shut() then return { bad } end\n  local before = redis.call('GET', 'unstill:claim:' .. owner)",
    ),
    "what waits while engines are shut is told a time": ("  if engines_are_shut() then return { state, 0, lane, #engines_on(lane), '', 'held' } end\n", ""),
    "the host is told the same twice": ("  if before then return { 'seen', before } end\n", ""),
    "what the host was told is told again after it was forgotten": (
        "local before = redis.call('EXISTS', 'unstill:gone:' .. gone) == 1 and 'gone' or get(id, 'state')",
        "local before = get(id, 'state')",
    ),
    "what the host is told waits to be read": ("  set(id, 'notice', 1)\n  answer(id, 'failed', outcome)\n", "  set(id, 'notice', 1)\n"),
    "what the host is told counts as an answer": ("  if not get(id, 'notice') then\n", "  if true then\n"),
    "clips of a day are not counted": ("  count_queued(tonumber(r[3]), account_of(id), r[1])\n", ""),
    "a request that is not taken counts on the rate": ("  if ahead > MINUTE + 1 then return num(ahead - MINUTE) end\n  redis.call('SET', key, num(NOW + ahead), 'PX', math.ceil(ahead))", "  redis.call('SET', key, num(NOW + ahead), 'PX', math.ceil(ahead))\n  if ahead > MINUTE + 1 then return num(ahead - MINUTE) end"),
    "what is asked beforehand is less than what holds": ("over_quota(account, place, tonumber(cost), limits, tonumber(jobs))", "over_quota(account, place, 0, limits, tonumber(jobs))"),
    "of several that are asked about together one is counted": ("over_quota(account, place, tonumber(cost), limits, tonumber(jobs))", "over_quota(account, place, tonumber(cost), limits, 1)"),
    "the record of a refusal is kept as long as a clip's": ("get(id, 'refused') and math.min(TIMES.kept, TIMES.refused_kept) or TIMES.kept", "TIMES.kept"),
    "every record is kept for an hour": ("get(id, 'refused') and math.min(TIMES.kept", "true and math.min(TIMES.kept"),
    "seconds are not given back on failure": ("result == 'failed' and cost or result", "result"),
    "seconds are given back for a finished clip": ("cost - rendered(id) or 0", "cost - rendered(id) or cost"),
    "a job that is cancelled while it runs costs nothing": ("result == 'cancelled' and cost - rendered(id)", "result == 'cancelled' and cost"),
    "a job that is cancelled while it waits costs all of it": ("result == 'cancelled' and cost - rendered(id)", "result == 'cancelled' and 0"),
    "what an earlier try rendered is not charged": ("  set(id, 'rendered', num(rendered(id)))\n", ""),
    "more is charged than was reserved": ("return math.min(tonumber(r[3]), before + wall / rate)", "return before + wall / rate"),
    "what was rendered is charged by the wall": ("before + wall / rate)", "before + wall)"),
    "an engine that died is charged until somebody looked": ("(math.min(NOW, tonumber(r[5])) - tonumber(r[4]))", "(NOW - tonumber(r[4]))"),
    "a clip whose refit is cancelled costs nothing": (", 'rendered', get(id, 'cost'))", ")"),
    "a place in the quota is never given back": ("  count_jobs(id, -1)\n", ""),
    "a crashed job is queued but stands in no line": ("  line_up(id, true)\n  due(id, NOW + TIMES.wake)", "  due(id, NOW + TIMES.wake)"),
    "a cancelled job stays in its line": ("if state == 'queued' then step_out(id) end", ""),
    "an expired job stays in its line": ("    step_out(id)\n    return answer(id, 'failed', s.expired)", "    return answer(id, 'failed', s.expired)"),
    "a late finish leaves the job in its line": ("if held == 'lapsed' then step_out(id) end", ""),
    "a late beat leaves the job in its line": ("  if held == 'lapsed' then\n    step_out(id)", "  if held == 'lapsed' then"),
    "a courier that lost the right to send may still report": ("  if get(id, 'sender') ~= sender then return { 'lost' } end\n  if FINAL", "  if FINAL"),
    "what is sent stays in the due index": ("  redis.call('ZREM', DUE, id)\n  redis.call('PEXPIRE', JOB .. id, kept)", "  redis.call('PEXPIRE', JOB .. id, kept)"),
    "two couriers may send at once": ("if not ANSWER[state] and not again then", "if not ANSWER[state] and state ~= 'sending' then"),
    "anybody may give a sending back": (
        "if get(id, 'state') ~= 'sending' or get(id, 'sender') ~= sender then return { 'lost' } end\n  set(id",
        "if get(id, 'state') ~= 'sending' then return { 'lost' } end\n  set(id",
    ),
    "one try too many": ("tonumber(get(id, 'attempt')) >= attempts", "tonumber(get(id, 'attempt')) > attempts"),
    "a handed back job costs a try": ("  requeue(id)\n  redis.call('HDEL', JOB .. id, 'lapsed')\n  redis.call('DEL', 'unstill:claim:' .. owner)\n  return { 'ok' }",
                                      "  requeue(id)\n  redis.call('HINCRBY', JOB .. id, 'attempt', 1)\n  redis.call('HDEL', JOB .. id, 'lapsed')\n  return { 'ok' }"),
    "an engine that ended is still known by its speed": ("    forget_engine(lane, name)\n    ring", "    ring"),
    "what a clip takes at most only sinks": ("measured > known and BY_THEN or BY_THEN - 1", "BY_THEN - 1"),
    "what was rendered says nothing of its engine": ("  if not engine then return end\n", "  if engine then return end\n"),
    "a damaged record hides the places of all others": ("fault(id) and { 'none' } or place_of(id)", "place_of(id)"),
    "a claim whose answer was lost takes a second job": ("if before and not fault(before) and holds(before, owner) == 'running' then", "if false then"),
    "a running job is cancelled under its engine's hands": ("    set(id, 'cancel', outcome)\n", "    answer(id, 'cancelled', outcome)\n"),
    "a cancel during the render is forgotten when the engine dies": ("  if get(id, 'cancel') then\n    answer(id, 'cancelled', get(id, 'cancel'))\n  elseif", "  if"),
    "accepting again starts again": ("if state then return { 'seen', state } end", ""),
    "a delivery that nobody reports on stays so": ("  set(id, 'state', get(id, 'result'))\n  tell(id, 'answer')\n  due(id, NOW + TIMES.answer)", "  due(id, NOW + TIMES.answer)"),
    "an answer that cannot be delivered is tried for ever": (
        "local function look_answer(id)\n  if given_up(id) then",
        "local function look_answer(id)\n  if false then",
    ),
    "a status message is begun after the answer": ("if get(id, 'noting') or get(id, 'outcome') or FINAL[get(id, 'state')] then", "if get(id, 'noting') or FINAL[get(id, 'state')] then"),
    "a status message is begun twice": ("if get(id, 'noting') or get(id, 'outcome') or", "if get(id, 'outcome') or"),
    "a status message is begun after what was forgotten": (" or FINAL[get(id, 'state')] then return { 'unknown' }", " then return { 'unknown' }"),
    "what waits is forgotten and made all the same": ("if op.cancel(id, outcome)[1] == 'late' then", "if true then"),
    "an answer that waits keeps the words of what was forgotten": ("    if state ~= 'sending' then set(id, 'state', 'cancelled') end\n    strip(id, { 'job', 'made' })\n", "    if state ~= 'sending' then set(id, 'state', 'cancelled') end\n"),
    "a forgotten clip is shown": ("    set(id, 'result', 'cancelled', 'outcome', outcome)\n", "    set(id, 'result', 'cancelled')\n"),
    "forgetting breaks into a delivery": ("if state ~= 'sending' then set(id, 'state', 'cancelled') end", "set(id, 'state', 'cancelled')"),
    "forgetting gives back the seconds of a clip": ("    set(id, 'result', 'cancelled', 'outcome', outcome)\n", "    answer(id, 'cancelled', outcome)\n"),
    "the words of a forgotten job stay when it ends": ("  strip(id, { 'job', 'made' })\n  local lane", "  local lane"),
    "a forgotten record stays when it is answered": ("  if get(id, 'forgotten') then return vanish(id) end\n", ""),
    "a record that was answered is not forgotten": ("  if FINAL[state] then return vanish(id) end\n", "  if FINAL[state] then return end\n"),
    "a person keeps the list of what was forgotten": ("  redis.call('ZREM', 'unstill:mine:' .. (r[1] or ''), id)\n", ""),
    "what is still to be shown as cancelled is no longer its person's": ("      forget(id, request, outcome)\n", "      forget(id, request, outcome)\n      redis.call('ZREM', 'unstill:mine:' .. person, id)\n"),
    "files of what was forgotten stay": ("  throw(get(id, 'picture'))\n  throw(get(id, 'clips'))\n  if FINAL", "  if FINAL"),
    "the files of an older version's record stay": ("      throw(older)\n", ""),
    "what came in between is dropped from its person's list": ("then left[#left + 1] = id end\n", "then left[#left + 1] = id; redis.call('ZREM', mine, id) end\n"),
    "what came in between is not told of": ("      if wrong or not get(id, 'forgotten') then left[#left + 1] = id end\n", ""),
    "a forgotten request is new again": ("  redis.call('SET', 'unstill:gone:' .. r[2], 1, 'PX', TIMES.gone_kept)\n", ""),
    "a request that was forgotten is not looked for": ("  if redis.call('EXISTS', 'unstill:gone:' .. gone) == 1 then return { 'seen', 'gone' } end\n", ""),
    "what is never queued keeps its picture": ("if result ~= 'done' then throw_files(id) end", ""),
    "a request that has ended stores a picture": ("if get(id, 'state') ~= 'accepted' or get(id, 'forgotten') then return { 'no' } end", ""),
    "a picture gets a second key": ("for i = #keys + 1, #given do", "for i = 1, #given do"),
    "the second of two pictures has no key": ("for i = #keys + 1, #given do", "for i = #keys + 1, math.min(1, #given) do"),
    "whoever lost a job stores a clip for it": ("  if not holds(id, owner) then return { 'lost' } end\n  if get(id, 'cancel') then return { 'cancel' } end", "  if get(id, 'cancel') then return { 'cancel' } end"),
    "a clip that nobody wants is stored": ("  if get(id, 'cancel') then return { 'cancel' } end\n  local clips", "  local clips"),
    "the second file of a job is not on record": ("clips == '' and keys or clips .. ' ' .. keys", "keys"),
    "of files that are told of together one is on record": ("clips == '' and keys or clips .. ' ' .. keys", "clips == '' and keys:match('%S+') or clips .. ' ' .. keys:match('%S+')"),
    "files that are told of twice are on record twice": ("if not holds_word(clips, keys) then set(id, 'clips'", "if true then set(id, 'clips'"),
    "of a clip's files one is kept": ("set(id, 'clips', table.concat(kept, ' '))", "for i = 2, #kept do throw(kept[i]) end set(id, 'clips', kept[1] or '')"),
    "what a lost try stored stays": ("else throw(key) end", "end"),
    "a finished clip is thrown away": ("if holds_word(wanted, key) then kept[#kept + 1] = key else throw(key) end", "throw(key)"),
    "a refit does not count as a job in hand": ("  count_jobs(id, 1)\n  line_up(id)\n", "  line_up(id)\n"),
    "a refit stands in no line": ("  count_jobs(id, 1)\n  line_up(id)\n", "  count_jobs(id, 1)\n"),
    "a refit waits for the device": ("set(id, 'state', 'queued', 'lane', lane, 'job', job, 'made'", "set(id, 'state', 'queued', 'job', job, 'made'"),
    "a refit keeps the limit that was too large": ("'lane', lane, 'job', job, 'made'", "'lane', lane, 'made'"),
    "a refit begins with the tries of its render": ("'attempt', 1, 'wakes', 0,\n    'queued_at'", "'wakes', 0,\n    'queued_at'"),
    "a clip that is made smaller still counts as the answer": ("redis.call('HDEL', JOB .. id, 'outcome', 'result', 'sender', 'charged', 'needs')", "redis.call('HDEL', JOB .. id, 'result', 'sender', 'charged', 'needs')"),
    "a sender may still report on what is made smaller": ("'outcome', 'result', 'sender', 'charged', 'needs')", "'outcome', 'result', 'charged', 'needs')"),
    "anybody may have a clip made smaller": (
        "if get(id, 'state') ~= 'sending' or get(id, 'sender') ~= sender then return { 'lost' } end\n  if get(id, 'result')",
        "if get(id, 'state') ~= 'sending' then return { 'lost' } end\n  if get(id, 'result')",
    ),
    "a failure is made smaller": ("if get(id, 'result') ~= 'done' or tonumber(get(id, 'refits')", "if tonumber(get(id, 'refits')"),
    "a clip is made smaller without end": (" or tonumber(get(id, 'refits') or '0') >= tonumber(most) then", " then"),
    "a refit whose answer was lost cannot be asked for again": ("  if get(id, 'refitter') == sender then return { 'ok' } end\n", ""),
    "a damaged record stops the reaper": ("    local wrong = fault(id)\n    local state = not wrong and", "    local wrong = nil\n    local state = not wrong and"),
    "a damaged record stops the engines": ("local wrong = id and fault(id)", "local wrong = nil"),
    "a damaged record stays in the due index": ("  redis.call('ZREM', DUE, id)\n  redis.call('PEXPIRE', JOB .. id, TIMES.unreadable_kept)", "  redis.call('PEXPIRE', JOB .. id, TIMES.unreadable_kept)"),
    "a damaged record keeps its place in line and quota": ("if aside[1] then tidy() end", ""),
    "a damaged record holds its person's quota for ever": ("  local counts = { ['unstill:jobs'] = {} }\n", "  local counts = {}\n"),
    "the auditor tells of a damaged record again and again": ("local known = wrong == GONE or redis.call('ZSCORE', UNREADABLE, id)", "local known = wrong == GONE"),
    "a damaged record outlives what its person had forgotten": ("      if wrong or request == '' then\n", "      if wrong then\n      elseif request == '' then\n"),
    "a message cannot come anew where rubbish stands": ("and redis.call('TYPE', JOB .. id).ok ~= 'hash' then redis.call('DEL', JOB .. id) end", "then end"),
    "a clock that jumps on ends all waits": ("math.max(0, math.min(passed, TIMES.tick))", "math.max(0, passed)"),
    "a clock that is set back takes time away": ("math.max(0, math.min(passed, TIMES.tick))", "math.min(passed, TIMES.tick)"),
    "a clock that is set back puts all off": ("redis.call('ZADD', key, num(score + by), all[i]) end", "end"),
    "a clock that is set back gives a dead engine a day": ("if lease and (by < 0 and lease > far or", "if lease and (false or"),
    "a clock that jumps on takes what an engine works on": ("by > 0 and lease > at and lease <= NOW) then", "false) then"),
    "an engine is given what it cannot make": ("    if not can[word] then return false end\n", ""),
    "a new kind of clip is queued as an old one": ("  if needs and needs ~= '' then set(id, 'needs', needs) end\n", ""),
    "what was parked never comes back": ("  unpark(lane, can, bad)\n", ""),
    "what was parked and cancelled comes back": ("  redis.call('ZREM', 'unstill:parked:' .. k.name, id)\n  return leave_line(k, id)", "  return leave_line(k, id)"),
    "an engine that cannot make one job is given no other": ("    if waits then park(id) end\n", "    if waits then return nil end\n"),
    "engines are woken for what none can make": ("  if not redis.call('ZSCORE', 'unstill:parked:' .. lane, id) then ring(lane) end\n", "  ring(lane)\n"),
    "a job that waits is looked at and not told of": ("  if not redis.call('ZSCORE', 'unstill:parked:' .. lane, id) then ring(lane) end\n", ""),
    "a job that is queued is not told of": ("  ring(k.name)\n", ""),
    "each job has a word of its own": ("      return\n    end\n  end\n  local number", "    end\n  end\n  local number"),
    "a word that a dead engine took silences all others": ("elseif redis.call('EXISTS', 'arq:in-progress:' .. word) == 0 then", "else"),
    "a word whose call is gone silences all others": ("if redis.call('EXISTS', 'arq:job:' .. word) == 0 then", "if false then"),
    "a word stays when it was heeded": ("  for _, lane in ipairs(lanes) do redis.call('ZREM', 'unstill:arq:' .. lane, heard) end\n", ""),
    "whoever claims leaves no word for the rest": ("  for _, lane in ipairs(lanes) do ring_where_work_waits(lane) end\n  return { bad, id,", "  return { bad, id,"),
    "whoever claims leaves no word for what it did not take": ("  for _, lane in ipairs(lanes) do ring_where_work_waits(lane) end\n  return { bad, id,", "  ring_where_work_waits(get(id, 'lane'))\n  return { bad, id,"),
    "an engine of several models is given the one of its last": ("    id = next_in(lane, can, bad)\n    if id then break end\n", "    id = next_in(lane, can, bad) or id\n"),
    "an engine of several models is asked of its first alone": ("    if id then break end\n", "    break\n"),
    "the word of another model stays": ("  for _, lane in ipairs(lanes) do redis.call('ZREM', 'unstill:arq:' .. lane, heard) end\n", "  redis.call('ZREM', 'unstill:arq:' .. lanes[1], heard)\n"),
    "an engine that gave up a model is still there for it": ("    if not serves[lane] and redis.call('ZREM', 'unstill:engines:' .. lane, name) == 1 then forget_engine(lane, name) end\n", ""),
    "nobody hears of an engine that is about to come": ("  redis.call('SADD', 'unstill:lanes', ...)\n", ""),
    "the loading of a model counts as rendered": ("  set(id, 'started_at', num(NOW))\n  mark_running(id, 0)\n", "  mark_running(id, 0)\n"),
    "one who lapsed begins": ("function op.begin(id, owner)\n  if holds(id, owner) ~= 'running' then", "function op.begin(id, owner)\n  if not holds(id, owner) then"),
    "a word that was lost with an engine is not said again": ("  ring_where_work_waits(lane, can)\n", ""),
    "a word of a clip to be made smaller is not said again": ("  ring_where_work_waits(others, can)\n", ""),
    "an engine that ends takes its word along": ("    ring_where_work_waits(lane)\n  end\n  ring_where_work_waits(others)\n", "  end\n"),
    "engines are told of what waits for another": ("if can and not fault(id) and able(id, can) then return ring(lane) end", "if can then return ring(lane) end"),
    "an engine is not told of what waits for it": ("if can and not fault(id) and able(id, can) then return ring(lane) end", ""),
    "a clip that is made smaller needs what its render did": ("'sender', 'charged', 'needs')", "'sender', 'charged')"),
    "what is due in a day stays so": ("return at and tonumber(at) < NOW + DAY end", "return at end"),
    "an answer that every courier dies with is told for ever": (
        "function look.sending(id)\n  if given_up(id) then",
        "function look.sending(id)\n  if false then",
    ),
    "an answer that is told of twice counts twice": (
        "  if FINAL[get(id, 'state')] then return { 'ok' } end\n  set(id, 'receipt', receipt)",
        "  if FINAL[get(id, 'state')] then count('answers', 't', get(id, 'result'), '', state) return { 'ok' } end\n  set(id, 'receipt', receipt)",
    ),
    "what was forgotten is no answer": ("  local platform, result = get(id, 'platform'), get(id, 'result') or ''\n", "  if get(id, 'forgotten') then return vanish(id) end\n  local platform, result = get(id, 'platform'), get(id, 'result') or ''\n"),
    "a render that nobody wanted any more counts as lost": ("  if not get(id, 'cancel') then count('tries_lost'", "  if true then count('tries_lost'"),
    "a try that comes back counts as a wait": ("  if not get(id, 'started_at') then measure", "  if true then measure"),
    "a clip that is made smaller is no refusal": ("  count('deliveries_refused', get(id, 'platform'), 'too_large')\n", ""),
    "what falls on a bucket's end is in the next": ("ms > BUCKETS[bucket] do", "ms >= BUCKETS[bucket] do"),
    "a clock that jumps is measured": ("math.max(0, math.min(ms, DAY))", "math.max(0, ms)"),
    "what quotas refuse is not counted": ("  count('quota_refusals', over[2], over[3])\n", ""),
    "what is seen again counts as a request": ("  if state then return { 'seen', state } end\n  local shut", "  if state then count('requests', platform) return { 'seen', state } end\n  local shut"),
    "a clip that is made smaller has waited since its render did": ("    'queued_at', num(NOW), 'wait_until', num(NOW + TIMES.wait), 'queued_seen', num(watched()), 'wait', num(TIMES.wait), 'rendered'", "    'wait_until', num(NOW + TIMES.wait), 'queued_seen', num(watched()), 'wait', num(TIMES.wait), 'rendered'"),
    "an answer was given since it was asked for": ("running = r[6] })[state] or r[7])", "running = r[6] })[state] or r[4])"),
}  # fmt: skip


def survives(redis: Redis, text: str, examples: int) -> bool:
    machine = machine_for(redis, text)
    try:
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=40,
                deadline=None,
                database=None,
                report_multiple_bugs=False,
                print_blob=False,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
    except Exception:
        return False
    return True


def main(words: list[str]) -> int:
    text = script_text(TIMES)
    wanted = {
        name: (sound, planted)
        for name, (sound, planted) in MUTANTS.items()
        if not words or any(word in name or word in sound for word in words)
    }
    if not wanted:
        print(f"no planted bug is about {' or '.join(words)}")
        return 1
    survivors = []
    with tempfile.TemporaryDirectory() as folder, EmbeddedValkey(Path(folder), options={"appendfsync": "no"}) as valkey:
        redis = Redis.from_url(valkey.url)
        if not survives(redis, text, 100):
            print("the scripts fail without a planted bug: run the machine's own test first")
            return 1
        for name, (sound, planted) in wanted.items():
            if text.count(sound) != 1:
                print(f"STALE     {name}: its place was found {text.count(sound)} times")
                survivors.append(name)
                continue
            caught = not survives(redis, text.replace(sound, planted), 3000)
            print(f"{'caught' if caught else 'SURVIVED':9} {name}", flush=True)
            if not caught:
                survivors.append(name)
    print(f"{len(wanted) - len(survivors)} of {len(wanted)} planted bugs were caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
