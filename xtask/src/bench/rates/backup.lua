-- A changed backup for each request, for wrk: the next number of the next device, a new snapshot id, one new part of 8 kB.
-- The bench puts sign.lua and the devices in front: DEVICES = { { session, tenant, user, device, profile, key, last number, secret }, ... }, ids as bytes.
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

-- What stays the same in a device's requests is put together once: the generator shares the cores with the server.
local function prepare(device)
  local function field(place, value) return number(0, place) .. value end
  device.head = "POST /api/v1/backups HTTP/1.1\r\nHost: " .. wrk.headers["Host"] ..
    "\r\nContent-Type: application/vnd.rehome.envelope\r\n"
  device.signer = signer(device[1], device[8], "POST", "/api/v1/backups", "application/vnd.rehome.envelope")
  device.whose = number(5, 15) .. field(0, bytes(device[2])) .. field(1, bytes(device[3])) .. field(2, bytes(device[4])) ..
    field(3, bytes(device[5])) .. number(0, 4)
  device.facts = field(6, unsigned(TAKEN_AT)) .. field(7, unsigned(1)) .. field(8, bytes(device[6])) .. field(9, unsigned(2)) ..
    field(10, number(3, 2) .. "PC") .. field(11, unsigned(150)) .. field(12, unsigned(20)) ..
    field(13, number(4, 1) .. number(4, 4) .. unsigned(1))
end

local counts = unsigned(8192) .. unsigned(1) .. number(0, 14) .. number(4, 0)
local sealed_length = u32(8192)

request = function()
  if not verified then -- wrk looks at one request before it begins, and does not send it
    verified = true
    return wrk.format("GET", "/livez")
  end
  turn = turn % #DEVICES + 1
  sent = sent + 1
  local device = DEVICES[turn]
  if not device.head then prepare(device) end
  device[7] = device[7] + 1
  local start_of_ids = ids[sent % #ids + 1]
  local snapshot, part = start_of_ids .. u64(2 * sent), start_of_ids .. u64(2 * sent + 1)
  local start = sent % 4096
  local header = device.whose .. unsigned(device[7]) .. number(0, 5) .. bytes(snapshot) .. device.facts .. bytes(part) .. counts
  local body = "RHE1" .. u32(#header) .. header .. tag .. "\0\1" .. part .. sealed_length .. noise:sub(start + 1, start + 8192)
  return device.head .. sign(device.signer, body) .. "Content-Length: " .. #body .. "\r\n\r\n" .. body
end
