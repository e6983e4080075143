-- One resident after the other says "I am reading this": args are the lesson and the residents.
local lesson, people, turn

function init(args)
  lesson, people, turn = args[1], tonumber(args[2]), 0
end

function request()
  turn = turn % people + 1
  return wrk.format("POST", "/api/v1/lessons/" .. lesson .. "/beats",
    { ["Authorization"] = "Bearer bench-" .. turn })
end
