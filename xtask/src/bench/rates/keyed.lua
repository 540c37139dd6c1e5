-- Checks that are each signed by a device's own key, for wrk: what a PC's only request of the day costs. The bench has signed them all beforehand and
-- puts their file in front: REQUESTS = path, one request a line with tabs for its ends of lines. None may be sent twice.

local requests, at = {}, 0
for line in io.lines(REQUESTS) do requests[#requests + 1] = line end

local verified = false

request = function()
  if not verified then -- wrk looks at one request before it begins, and does not send it
    verified = true
    return wrk.format("GET", "/livez")
  end
  at = at + 1
  local line = requests[at] or error("the bench has signed too few requests")
  return (line:gsub("\t", "\r\n"))
end
