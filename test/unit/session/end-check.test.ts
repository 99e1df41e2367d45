import { describe, expect, it, vi } from 'vitest'
import type { HttpAnswer } from '../../../src/kube/types.ts'
import type { VisitorWay } from '../../../src/route/types.ts'
import { checkEnd } from '../../../src/session/end-check.ts'
import { fakeClock } from '../../harness/fake-clock.ts'
import { tunnelPlan } from '../../harness/plans.ts'

const never = new AbortController().signal

async function check(answers: (HttpAnswer | Error)[], ways = 1) {
  const clock = fakeClock()
  const asked = vi.fn(async () => {
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    if (answer === undefined || answer instanceof Error) throw answer
    return answer
  })
  const way: VisitorWay = { kind: 'ingress', describe: 'ingress nginx', dial: undefined, request: asked }
  const emit = vi.fn()
  const report = checkEnd({ plan: tunnelPlan(), ways: ways === 0 ? [] : [way], clock, emit, path: '/', random: () => 'n' }, never)
  // Longer than all its pauses between tries.
  for (let i = 0; i < 60; i += 1) {
    await clock.advance(50)
    await new Promise(resolve => setImmediate(resolve))
  }
  return { report: await report, asked, emit }
}

describe('the end check', () => {
  it('says who is served when a visitor gets an answer', async () => {
    const { report, asked } = await check([{ status: 200, headers: [['server', 'nginx']] }])
    expect(report).toEqual({
      serving: true,
      line: expect.stringMatching(/^nginx is served without this laptop \(200 in \d+ ms; 1 sidecar\)$/)
    })
    expect(asked).toHaveBeenCalledWith({ method: 'HEAD', path: '/', host: 'nginx.local' }, expect.anything())
  })

  it('takes an error of the app itself for served', async () => {
    const { report } = await check([
      {
        status: 503,
        headers: [
          ['content-type', 'text/html'],
          ['content-length', '10']
        ]
      }
    ])
    expect(report.serving).toBe(true)
  })

  it('knows the tunnel server’s own 502 and 503, and asks again before it says so', async () => {
    const { report, asked } = await check([{ status: 503, headers: [['Content-Length', '0']] }])
    expect(report).toMatchObject({ serving: false, line: expect.stringContaining('NOT serving: the tunnel server itself answered 503') })
    expect(asked.mock.calls.length).toBeGreaterThan(1)
  })

  it('is content when the next try is served', async () => {
    const { report } = await check([{ status: 503, headers: [] }, new Error('reset'), { status: 404, headers: [['server', 'nginx']] }])
    expect(report.serving).toBe(true)
  })

  it('says that it could not check without a way to be a visitor', async () => {
    const { report } = await check([], 0)
    expect(report).toMatchObject({ serving: undefined, line: expect.stringContaining('could not be checked') })
  })
})
