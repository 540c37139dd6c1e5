-- A changed backup for each request, for wrk: the next number of the next device, a new snapshot id, one new part of 8 kB.
-- The bench puts the devices in front: DEVICES = { { token, tenant, user, device, profile, key, last number }, ... }, ids as bytes.
-- docs/format.md sections 7 and 8 say what the bytes are; the part's own bytes are random, as sealed ones look.

math.randomseed(os.time())

local function number(major, value)
  if value < 24 then return string.char(major * 32 + value) end
  if value < 256 then return string.char(major * 32 + 24, value) end
  if value < 65536 then return string.char(major * 32 + 25, math.floor(value / 256), value % 256) end
  return string.char(major * 32 + 26, math.floor(value / 16777216), math.floor(value / 65536) % 256, math.floor(value / 256) % 256, value % 256)
end

local function u64(value)
  local bytes = {}
  for place = 8, 1, -1 do
    bytes[place] = string.char(value % 256)
    value = math.floor(value / 256)
  end
  return table.concat(bytes)
end

local function unsigned(value)
  if value < 4294967296 then return number(0, value) end
  return string.char(27) .. u64(value)
end

local function bytes(value) return number(2, #value) .. value end

local function u32(value)
  return string.char(math.floor(value / 16777216), math.floor(value / 65536) % 256, math.floor(value / 256) % 256, value % 256)
end

local function random(length)
  local out = {}
  for place = 1, length do out[place] = string.char(math.random(0, 255)) end
  return table.concat(out)
end

local noise = random(8192 + 4096)
-- Ids as random as real ones, made before the clock runs: the generator shares the cores with the server.
local ids = {}
for place = 1, 4093 do ids[place] = random(24) end
local tag = random(32)
local turn = 0
local sent = 0
local verified = false

request = function()
  if not verified then -- wrk looks at one request before it begins, and does not send it
    verified = true
    return wrk.format("GET", "/livez")
  end
  turn = turn % #DEVICES + 1
  sent = sent + 1
  local device = DEVICES[turn]
  device[7] = device[7] + 1
  local start_of_ids = ids[sent % #ids + 1]
  local snapshot, part = start_of_ids .. u64(2 * sent), start_of_ids .. u64(2 * sent + 1)
  local start = sent % 4096
  local sealed = noise:sub(start + 1, start + 8192)
  local fields = {
    bytes(device[2]), bytes(device[3]), bytes(device[4]), bytes(device[5]), unsigned(device[7]), bytes(snapshot),
    unsigned(TAKEN_AT), unsigned(1), bytes(device[6]), unsigned(2), number(3, 2) .. "PC", unsigned(150), unsigned(20),
    number(4, 1) .. number(4, 4) .. unsigned(1) .. bytes(part) .. unsigned(#sealed) .. unsigned(1), number(4, 0),
  }
  local header = number(5, #fields)
  for place, field in ipairs(fields) do header = header .. number(0, place - 1) .. field end
  local body = "RHE1" .. u32(#header) .. header .. tag .. string.char(0, 1) .. part .. u32(#sealed) .. sealed
  local headers = { ["Content-Type"] = "application/vnd.rehome.envelope", ["Authorization"] = "Bearer " .. device[1] }
  return wrk.format("POST", "/api/v1/backups", headers, body)
end
