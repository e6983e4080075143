-- Each resident's last beat and, some requests later, the answers; args: the lesson, the residents,
-- the answers. Whoever comes to the end of the residents is too fast for this many, and is told so.
local lesson, people, answers, sent
local BEHIND = 200

function init(args)
  lesson, people, answers, sent = args[1], tonumber(args[2]), args[3], 0
end

local function post(path, who, body)
  return wrk.format("POST", "/api/v1/lessons/" .. lesson .. path,
    { ["Authorization"] = "Bearer bench-" .. who, ["Content-Type"] = "application/json" }, body)
end

function request()
  sent = sent + 1
  local who = math.floor((sent + 1) / 2)
  if who > people + BEHIND then
    return wrk.format("GET", "/nobody-is-left")
  elseif sent % 2 == 1 then
    return post("/beats", math.min(who, people), "")
  elseif who <= BEHIND then
    return post("/beats", who, "")
  else
    return post("/answers", who - BEHIND, answers)
  end
end
