-- A new signed message with every request: the lines of a file, "address TAB body".
local messages
local headers = { ["Content-Type"] = "text/xml" }

function init(args)
  messages = io.lines(args[1])
end

function request()
  local line = messages()
  if line == nil then
    return wrk.format("GET", "/no-message-is-left")  -- a 404, which makes the figure invalid
  end
  local tab = line:find("\t", 1, true)
  return wrk.format("POST", line:sub(1, tab - 1), headers, line:sub(tab + 1))
end
