/** Genotypes of the literature, as their authors' code writes them. */

/** A published genotype. */
export interface Published {
  /** Whose it is and how it was found, in a few words. */
  readonly origin: string;
  /** Where its text is from: a repository and a file. */
  readonly source: string;
  /**
   * The millions of parameters that its paper prints, one digit after the point: of `cifar`, 20 cells and 36 channels for 10
   * classes; of `imagenet`, 14 cells and 48 channels for 1000; of a network of `own` making, which is none of DARTS'.
   */
  readonly published: {
    readonly cifar?: number;
    readonly imagenet?: number;
    readonly own?: number;
    /** Where those numbers were read, which is not always the paper itself. */
    readonly from?: string;
  };
  /** The public text has another size than its paper prints, counted in the same network. */
  readonly differs?: boolean;
  readonly text: string;
}

/** The published genotypes, by the names that they go by. A new one is an entry here. */
export const LITERATURE = {
  DARTS_V1: {
    origin: 'Liu et al. 2019, first order',
    source: 'quark0/darts, cnn/genotypes.py',
    published: { cifar: 3.3, from: 'ZARTS, Table 3; PC-DARTS, README' },
    differs: true,
    text: `Genotype(
      normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), ('sep_conv_3x3', 1),
        ('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)],
      normal_concat=range(2, 6),
      reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0),
        ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('avg_pool_3x3', 0)],
      reduce_concat=range(2, 6))`,
  },
  DARTS_V2: {
    origin: 'Liu et al. 2019, second order',
    source: 'quark0/darts, cnn/genotypes.py',
    published: { cifar: 3.3, imagenet: 4.7, from: 'quark0/darts, README: 3.349 and 4.719' },
    text: `Genotype(
      normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1),
        ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)],
      normal_concat=range(2, 6),
      reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1),
        ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)],
      reduce_concat=range(2, 6))`,
  },
  NASNet: {
    origin: 'Zoph et al. 2018, NASNet-A',
    source: 'quark0/darts, cnn/genotypes.py',
    published: { own: 3.3, from: 'tables of later papers, which repeat DARTS’ first' },
    text: `Genotype(
      normal=[('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 0), ('sep_conv_3x3', 0), ('avg_pool_3x3', 1),
        ('skip_connect', 0), ('avg_pool_3x3', 0), ('avg_pool_3x3', 0), ('sep_conv_3x3', 1), ('skip_connect', 1)],
      normal_concat=range(2, 7),
      reduce=[('sep_conv_5x5', 1), ('sep_conv_7x7', 0), ('max_pool_3x3', 1), ('sep_conv_7x7', 0), ('avg_pool_3x3', 1),
        ('sep_conv_5x5', 0), ('skip_connect', 3), ('avg_pool_3x3', 2), ('sep_conv_3x3', 2), ('max_pool_3x3', 1)],
      reduce_concat=range(4, 7))`,
  },
  AmoebaNet: {
    origin: 'Real et al. 2019, AmoebaNet-A',
    source: 'quark0/darts, cnn/genotypes.py',
    published: { own: 3.2, from: 'tables of later papers, which repeat DARTS’ first' },
    text: `Genotype(
      normal=[('avg_pool_3x3', 0), ('max_pool_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 2), ('sep_conv_3x3', 0),
        ('avg_pool_3x3', 3), ('sep_conv_3x3', 1), ('skip_connect', 1), ('skip_connect', 0), ('avg_pool_3x3', 1)],
      normal_concat=range(4, 7),
      reduce=[('avg_pool_3x3', 0), ('sep_conv_3x3', 1), ('max_pool_3x3', 0), ('sep_conv_7x7', 2), ('sep_conv_7x7', 0),
        ('avg_pool_3x3', 1), ('max_pool_3x3', 0), ('max_pool_3x3', 1), ('conv_7x1_1x7', 0), ('sep_conv_3x3', 5)],
      reduce_concat=[3, 4, 6])`,
  },
  PNAS: {
    origin: 'Liu et al. 2018, PNASNet-5',
    source: 'D-X-Y/AutoDL-Projects; without its 1×1 convolutions at strided skips',
    published: { own: 3.2, from: 'ZARTS, Table 3' },
    text: `Genotype(
      normal=[('sep_conv_5x5', 0), ('max_pool_3x3', 0), ('sep_conv_7x7', 1), ('max_pool_3x3', 1), ('sep_conv_5x5', 1),
        ('sep_conv_3x3', 1), ('sep_conv_3x3', 4), ('max_pool_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 1)],
      normal_concat=range(2, 7),
      reduce=[('sep_conv_5x5', 0), ('max_pool_3x3', 0), ('sep_conv_7x7', 1), ('max_pool_3x3', 1), ('sep_conv_5x5', 1),
        ('sep_conv_3x3', 1), ('sep_conv_3x3', 4), ('max_pool_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 1)],
      reduce_concat=range(2, 7))`,
  },
  SNAS: {
    origin: 'Xie et al. 2019, moderate',
    source: 'the figure of its cells',
    published: { cifar: 2.8, imagenet: 4.3, from: 'PC-DARTS, README; ZARTS, Table 4' },
    differs: true,
    text: `Genotype(
      normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('skip_connect', 0), ('dil_conv_3x3', 1),
        ('skip_connect', 1), ('skip_connect', 0), ('skip_connect', 0), ('sep_conv_3x3', 1)],
      normal_concat=range(2, 6),
      reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('max_pool_3x3', 1), ('skip_connect', 2),
        ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), ('dil_conv_5x5', 2)],
      reduce_concat=range(2, 6))`,
  },
  GDAS: {
    origin: 'Dong and Yang 2019',
    source: 'D-X-Y/GDAS, lib/nas/genotypes.py',
    published: { cifar: 3.4, from: 'ZARTS, Table 3' },
    text: `Genotype(
      normal=[('skip_connect', 0), ('skip_connect', 1), ('skip_connect', 0), ('sep_conv_5x5', 2),
        ('sep_conv_3x3', 3), ('skip_connect', 0), ('sep_conv_5x5', 4), ('sep_conv_3x3', 3)],
      normal_concat=range(2, 6),
      reduce=[('sep_conv_5x5', 0), ('sep_conv_3x3', 1), ('sep_conv_5x5', 2), ('sep_conv_5x5', 1),
        ('dil_conv_5x5', 2), ('sep_conv_3x3', 1), ('sep_conv_5x5', 0), ('sep_conv_5x5', 1)],
      reduce_concat=range(2, 6))`,
  },
  PDARTS: {
    origin: 'Chen et al. 2019',
    source: 'chenxin061/pdarts, genotypes.py',
    published: { cifar: 3.4, imagenet: 4.9, from: 'ZARTS, Tables 3 and 4' },
    text: `Genotype(
      normal=[('skip_connect', 0), ('dil_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 1),
        ('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3', 0), ('dil_conv_5x5', 4)],
      normal_concat=range(2, 6),
      reduce=[('avg_pool_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('dil_conv_5x5', 2),
        ('max_pool_3x3', 0), ('dil_conv_3x3', 1), ('dil_conv_3x3', 1), ('dil_conv_5x5', 3)],
      reduce_concat=range(2, 6))`,
  },
  PC_DARTS_cifar: {
    origin: 'Xu et al. 2020, CIFAR-10',
    source: 'yuhuixu1993/PC-DARTS, genotypes.py',
    published: { cifar: 3.6, imagenet: 5.3, from: 'PC-DARTS, README; ZARTS, Table 4' },
    text: `Genotype(
      normal=[('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 0), ('dil_conv_3x3', 1),
        ('sep_conv_5x5', 0), ('sep_conv_3x3', 1), ('avg_pool_3x3', 0), ('dil_conv_3x3', 1)],
      normal_concat=range(2, 6),
      reduce=[('sep_conv_5x5', 1), ('max_pool_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_5x5', 2),
        ('sep_conv_3x3', 0), ('sep_conv_3x3', 3), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2)],
      reduce_concat=range(2, 6))`,
  },
  PC_DARTS_image: {
    origin: 'Xu et al. 2020, ImageNet',
    source: 'yuhuixu1993/PC-DARTS, genotypes.py',
    published: { imagenet: 5.3, from: 'TE-NAS, its table of ImageNet' },
    text: `Genotype(
      normal=[('skip_connect', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 0), ('skip_connect', 1),
        ('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3', 1), ('dil_conv_5x5', 4)],
      normal_concat=range(2, 6),
      reduce=[('sep_conv_3x3', 0), ('skip_connect', 1), ('dil_conv_5x5', 2), ('max_pool_3x3', 1),
        ('sep_conv_3x3', 2), ('sep_conv_3x3', 1), ('sep_conv_5x5', 0), ('sep_conv_3x3', 3)],
      reduce_concat=range(2, 6))`,
  },
  SDARTS_RS: {
    origin: 'Chen and Hsieh 2020, random',
    source: 'xiangning-chen/SmoothDARTS, sota/cnn/genotypes.py',
    published: { cifar: 3.4, from: 'tables of later papers, which repeat its first' },
    differs: true,
    text: `Genotype(
      normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 1), ('skip_connect', 0),
        ('sep_conv_3x3', 3), ('skip_connect', 1), ('sep_conv_3x3', 1), ('dil_conv_3x3', 2)],
      normal_concat=range(2, 6),
      reduce=[('max_pool_3x3', 0), ('sep_conv_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0),
        ('dil_conv_5x5', 3), ('max_pool_3x3', 0), ('sep_conv_3x3', 2), ('sep_conv_5x5', 3)],
      reduce_concat=range(2, 6))`,
  },
  SDARTS_ADV: {
    origin: 'Chen and Hsieh 2020, adversarial',
    source: 'xiangning-chen/SmoothDARTS, sota/cnn/genotypes.py',
    published: { cifar: 3.3, from: 'ZARTS, Table 3' },
    text: `Genotype(
      normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0),
        ('sep_conv_5x5', 0), ('dil_conv_3x3', 3), ('dil_conv_3x3', 4), ('skip_connect', 0)],
      normal_concat=range(2, 6),
      reduce=[('max_pool_3x3', 0), ('sep_conv_5x5', 1), ('skip_connect', 2), ('max_pool_3x3', 0),
        ('skip_connect', 3), ('skip_connect', 2), ('skip_connect', 2), ('sep_conv_5x5', 4)],
      reduce_concat=range(2, 6))`,
  },
  R_DARTS_DP_S1: {
    origin: 'Zela et al. 2020, S1, drop path',
    source: 'automl/RobustDARTS, src/evaluation/archs.yaml, s1_cifar10_dp, 0.8',
    published: {},
    text: `Genotype(
      normal=[('skip_connect', 1), ('skip_connect', 0), ('dil_conv_3x3', 2), ('skip_connect', 0),
        ('dil_conv_3x3', 3), ('sep_conv_3x3', 2), ('dil_conv_3x3', 2), ('dil_conv_3x3', 4)],
      normal_concat=range(2, 6),
      reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('max_pool_3x3', 0), ('max_pool_3x3', 1),
        ('dil_conv_5x5', 3), ('max_pool_3x3', 0), ('dil_conv_5x5', 4), ('dil_conv_5x5', 3)],
      reduce_concat=range(2, 6))`,
  },
  R_DARTS_L2_S1: {
    origin: 'Zela et al. 2020, S1, L2',
    source: 'automl/RobustDARTS, src/evaluation/archs.yaml, s1_cifar10_wd, 0.0729',
    published: {},
    text: `Genotype(
      normal=[('dil_conv_5x5', 1), ('dil_conv_3x3', 0), ('skip_connect', 1), ('skip_connect', 2),
        ('max_pool_3x3', 0), ('dil_conv_3x3', 3), ('max_pool_3x3', 1), ('sep_conv_3x3', 0)],
      normal_concat=range(2, 6),
      reduce=[('max_pool_3x3', 1), ('max_pool_3x3', 0), ('max_pool_3x3', 1), ('dil_conv_5x5', 2),
        ('max_pool_3x3', 1), ('dil_conv_5x5', 3), ('dil_conv_5x5', 4), ('dil_conv_5x5', 3)],
      reduce_concat=range(2, 6))`,
  },
  R_DARTS_DP_S2: {
    origin: 'Zela et al. 2020, S2, drop path',
    source: 'automl/RobustDARTS, src/evaluation/archs.yaml, s2_cifar10_dp, 0.8',
    published: {},
    text: `Genotype(
      normal=[('skip_connect', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 2), ('skip_connect', 0),
        ('sep_conv_3x3', 3), ('sep_conv_3x3', 2), ('sep_conv_3x3', 4), ('sep_conv_3x3', 3)],
      normal_concat=range(2, 6),
      reduce=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2), ('sep_conv_3x3', 0),
        ('sep_conv_3x3', 3), ('sep_conv_3x3', 2), ('sep_conv_3x3', 4), ('sep_conv_3x3', 3)],
      reduce_concat=range(2, 6))`,
  },
  R_DARTS_L2_S2: {
    origin: 'Zela et al. 2020, S2, L2',
    source: 'automl/RobustDARTS, src/evaluation/archs.yaml, s2_cifar10_wd, 0.0729',
    published: {},
    text: `Genotype(
      normal=[('skip_connect', 0), ('skip_connect', 1), ('skip_connect', 2), ('skip_connect', 0),
        ('skip_connect', 3), ('skip_connect', 2), ('skip_connect', 2), ('skip_connect', 4)],
      normal_concat=range(2, 6),
      reduce=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0),
        ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0)],
      reduce_concat=range(2, 6))`,
  },
  R_DARTS_DP_S3: {
    origin: 'Zela et al. 2020, S3, drop path',
    source: 'automl/RobustDARTS, src/evaluation/archs.yaml, s3_cifar10_dp, 0.8',
    published: {},
    text: `Genotype(
      normal=[('skip_connect', 0), ('skip_connect', 1), ('skip_connect', 0), ('skip_connect', 1),
        ('skip_connect', 0), ('skip_connect', 1), ('skip_connect', 1), ('sep_conv_3x3', 0)],
      normal_concat=range(2, 6),
      reduce=[('sep_conv_3x3', 0), ('skip_connect', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1),
        ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 1)],
      reduce_concat=range(2, 6))`,
  },
  R_DARTS_L2_S3: {
    origin: 'Zela et al. 2020, S3, L2',
    source: 'automl/RobustDARTS, src/evaluation/archs.yaml, s3_cifar10_wd, 0.0729',
    published: {},
    text: `Genotype(
      normal=[('skip_connect', 0), ('skip_connect', 1), ('skip_connect', 2), ('skip_connect', 0),
        ('skip_connect', 3), ('skip_connect', 2), ('skip_connect', 4), ('sep_conv_3x3', 3)],
      normal_concat=range(2, 6),
      reduce=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0),
        ('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1)],
      reduce_concat=range(2, 6))`,
  },
  R_DARTS_DP_S4: {
    origin: 'Zela et al. 2020, S4, drop path',
    source: 'automl/RobustDARTS, src/evaluation/archs.yaml, s4_cifar10_dp, 0.8',
    published: {},
    text: `Genotype(
      normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1),
        ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1)],
      normal_concat=range(2, 6),
      reduce=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1),
        ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1)],
      reduce_concat=range(2, 6))`,
  },
  R_DARTS_L2_S4: {
    origin: 'Zela et al. 2020, S4, L2',
    source: 'automl/RobustDARTS, src/evaluation/archs.yaml, s4_cifar10_wd, 0.0729',
    published: {},
    text: `Genotype(
      normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2),
        ('sep_conv_3x3', 0), ('noise', 2), ('sep_conv_3x3', 4), ('noise', 1)],
      normal_concat=range(2, 6),
      reduce=[('noise', 0), ('noise', 1), ('noise', 0), ('noise', 1),
        ('noise', 0), ('noise', 1), ('noise', 0), ('noise', 1)],
      reduce_concat=range(2, 6))`,
  },
} as const satisfies Record<string, Published>;
