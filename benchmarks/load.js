// Carries out a plan of requests with autocannon: a JSON document on stdin, another one on stdout.
//
// {url, connections, warmup, duration | amount, requests: [[{method, path, headers, body}, ...] of each connection]}
// gives {perSecond, p50, p99, answered, failed, statuses}. Every connection goes through a list of its own, again and
// again for `duration` seconds, of which the first `warmup` do not count, or until `amount` requests have been made
// by all connections together. Latencies are in milliseconds: autocannon's own summary knows them in whole ones.

'use strict'

const autocannon = require('autocannon')

const plan = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const latencies = []
const statuses = {}
let next = 0
let begun = Infinity
let counted = Infinity
let last = 0
let counting = 0

function percentile(share) {
  return latencies[Math.max(0, Math.ceil(latencies.length * share) - 1)]
}

const run = autocannon(
  {
    url: plan.url,
    connections: plan.connections,
    ...(plan.amount ? { amount: plan.amount } : { duration: plan.duration }),
    sampleInt: 100,
    timeout: 60,
    setupClient: (client) => client.setRequests(plan.requests[next++ % plan.requests.length])
  },
  (error, result) => {
    if (error) throw error
    latencies.sort((one, other) => one - other)
    const failed = result.errors + result.timeouts + result.non2xx
    const seconds = (last - counting) / 1000
    const answered = latencies.length
    const figures = { perSecond: answered / seconds, p50: percentile(0.5), p99: percentile(0.99) }
    process.stdout.write(JSON.stringify({ ...(answered ? figures : {}), answered, failed, statuses }))
  }
)

run.on('start', () => {
  begun = performance.now()
  counted = begun + 1000 * plan.warmup
})
run.on('response', (_client, status, _bytes, latency) => {
  statuses[status] = (statuses[status] || 0) + 1
  const now = performance.now()
  if (now < counted) return
  counting = counting || (plan.warmup ? now : begun)
  last = now
  latencies.push(latency)
})
