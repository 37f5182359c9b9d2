-- What scripts do: closures, tables, strings, methods, floating point. N rounds.
local sum = 0

local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end

local Account = {}
Account.__index = Account
function Account.new(balance) return setmetatable({ balance = balance, log = {} }, Account) end
function Account:deposit(amount)
  self.balance = self.balance + amount
  self.log[#self.log + 1] = amount
  return self
end

local function queens(n)
  local count, columns, up, down = 0, {}, {}, {}
  local function place(row)
    if row > n then count = count + 1 return end
    for c = 1, n do
      if not (columns[c] or up[row + c] or down[row - c]) then
        columns[c], up[row + c], down[row - c] = true, true, true
        place(row + 1)
        columns[c], up[row + c], down[row - c] = nil, nil, nil
      end
    end
  end
  place(1)
  return count
end

for round = 1, N do
  sum = sum + fib(18) + queens(6)
  local account = Account.new(round)
  for i = 1, 2000 do account:deposit(i % 7) end
  sum = sum + account.balance + #account.log
  local words = {}
  for i = 1, 400 do words[i] = string.format("%x-%d", i * 2654435761 % 65536, i) end
  table.sort(words)
  local text = table.concat(words, " ")
  for word in text:gmatch("%w+") do sum = sum + #word end
  sum = sum + select(2, text:gsub("a", "b"))
  local x = 0.5
  for _ = 1, 3000 do x = 3.9 * x * (1 - x) end
  sum = sum + math.floor(x * 1000)
end
print(sum)
