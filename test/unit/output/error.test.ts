import { mkdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { InterceptError } from '../../../src/base/errors.ts'
import { errorJson, errorShape, renderError } from '../../../src/output/error.ts'

const plain = { color: false, stack: false, reportUrl: 'https://example.org/issues' }

describe('renderError', () => {
  it('says what failed, how to go on, and the code', () => {
    const error = new InterceptError('TARGET_NOT_FOUND', 'there is no service nginxx', { hint: 'kubectl intercept list' })
    expect(renderError(error, plain)).toBe('error: there is no service nginxx\nhint:  kubectl intercept list\ncode:  TARGET_NOT_FOUND\n')
  })

  it('lists what was tried, between the sentence and the hint', () => {
    const error = new InterceptError('ROUTE_UNAVAILABLE', 'no way to the server', {
      hint: '--via',
      details: { tried: ['ingress: 404'], other: 1 }
    })
    expect(renderError(error, plain).split('\n').slice(0, 3)).toEqual(['error: no way to the server', '  ingress: 404', 'hint:  --via'])
  })

  it('shortens tunnel ids and shows control characters, wherever they stand', () => {
    const id = '10bc451e-59dc-4c70-999e-91a30813ac78'
    const error = new InterceptError('TUNNEL_REJECTED', `refused ${id} \u001b[31m`, { hint: `see ${id}` })
    const text = renderError(error, plain) + errorJson(error)
    expect(text).not.toContain(id)
    expect(text).not.toContain('\u001b')
    expect(text).toContain('refused 10bc451e… \\x1b[31m')
  })

  it('calls everything else a bug, says where to report it, and keeps the stack for those who ask', () => {
    const bug = failure()
    const text = renderError(bug, plain)
    expect(text).toContain('error: a bug in kubectl-intercept: EEXIST')
    expect(text).toContain('https://example.org/issues')
    expect(text).not.toContain('error.test.ts')
    expect(renderError(bug, { ...plain, stack: true })).toContain('error.test.ts')
    expect(errorShape('just text')).toEqual({ code: 'BUG', message: 'a bug in kubectl-intercept: just text' })
  })

  it('colours the labels only where colour is wanted', () => {
    const error = new InterceptError('BAD_USAGE', 'x', { hint: 'y' })
    expect(renderError(error, { ...plain, color: true })).toContain('\u001b[31merror:\u001b[0m x')
  })

  it('gives scripts the same as data', () => {
    const error = new InterceptError('TAKEN', 'taken', { hint: 'h', details: { holder: 'ada' } })
    expect(JSON.parse(errorJson(error))).toEqual({
      v: 1,
      type: 'error',
      code: 'TAKEN',
      message: 'taken',
      hint: 'h',
      details: { holder: 'ada' }
    })
  })
})

function failure(): unknown {
  try {
    mkdirSync('/')
  } catch (error) {
    return error
  }
  return undefined
}
