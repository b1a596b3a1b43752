import { expect } from 'chai';
import type { Tensor1D } from '@tensorflow/tfjs-node';
import { device, recoverFromInterrupt, tf } from '../../lib/engine/index.js';

describe('engine/tensorflow', () => {
  it('says what it runs on', () => {
    const { tensorflow, device: kind, intraOpThreads, interOpThreads } = device();
    expect(tensorflow).to.match(/^2\.\d+\.\d+/);
    expect(kind).to.be.oneOf(['cpu', 'gpu']);
    expect(intraOpThreads).to.be.at.least(1);
    expect(interOpThreads).to.be.at.least(1);
  });

  it('rounds whole numbers to themselves', () => {
    const rounded = tf.tidy(() => Array.from(tf.round(tf.tensor1d([-3, 0, 7], 'int32')).dataSync()));
    expect(rounded).to.deep.equal([-3, 0, 7]);
    // Half to even, as everywhere in TensorFlow.
    expect(tf.tidy(() => Array.from(tf.round([-1.5, 0.5, 1.2]).dataSync()))).to.deep.equal([-2, 0, 1]);
  });

  it('concatenates scalars', () => {
    const scalars = [tf.scalar(1), tf.scalar(2), tf.scalar(3)];
    const joined = tf.tidy(() => tf.concat(scalars as unknown as Tensor1D[]));
    expect(joined.shape).to.deep.equal([3]);
    expect(Array.from(joined.dataSync())).to.deep.equal([1, 2, 3]);
    tf.dispose([joined, ...scalars]);
    const vectors = tf.tidy(() => Array.from(tf.concat([tf.tensor1d([1]), tf.tensor1d([2, 3])]).dataSync()));
    expect(vectors).to.deep.equal([1, 2, 3]);
  });

  it('computes gradients again after an interrupt inside one of its calls', () => {
    const slope = () =>
      tf.tidy(
        () =>
          tf
            .grad((x) => tf.square(x))(tf.scalar(3))
            .dataSync()[0],
      );
    expect(slope()).to.equal(6);
    const { state } = tf.engine() as unknown as { state: { kernelDepth: number; gradientDepth: number } };
    try {
      // What a notebook's interrupt leaves behind.
      state.kernelDepth = 1;
      expect(slope).to.throw(/Cannot compute gradient/);
    } finally {
      recoverFromInterrupt();
    }
    expect(state).to.include({ kernelDepth: 0, gradientDepth: 0 });
    expect(slope()).to.equal(6);
  });
});
