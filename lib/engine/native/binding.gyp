# One library a level of vector instructions, and the operations, which choose among them when they are loaded.
{
  'target_defaults': {
    'cflags': ['-Wall', '-Wextra', '-fvisibility=hidden'],
    'cflags_cc!': ['-fno-rtti'],
    'cflags_cc': ['-std=c++17', '-ffp-contract=fast'],
    'xcode_settings': {
      'CLANG_CXX_LANGUAGE_STANDARD': 'c++17',
      'GCC_ENABLE_CPP_RTTI': 'YES',
      'GCC_OPTIMIZATION_LEVEL': '3',
      'OTHER_CPLUSPLUSFLAGS': ['-Wall', '-Wextra', '-ffp-contract=fast'],
    },
  },
  'targets': [
    {
      'target_name': 'kernels',
      'sources': ['operations.cc'],
      'defines': ['NAPI_VERSION=8', '_GLIBCXX_USE_CXX11_ABI=1', 'EIGEN_MAX_ALIGN_BYTES=64'],
      'cflags_cc': ['-isystem <(tensorflow)/include'],
      'libraries': ['<(tensorflow)/<(framework)', '-Wl,-rpath,<(tensorflow)'],
      'xcode_settings': {'OTHER_CPLUSPLUSFLAGS': ['-isystem', '<(tensorflow)/include']},
      'dependencies': ['level4'],
      'conditions': [['target_arch=="x64"', {'dependencies': ['level8', 'level16']}]],
    },
    {
      'target_name': 'level4',
      'type': 'static_library',
      'sources': ['level.cc'],
      'defines': ['WIDTH=4'],
      'conditions': [['target_arch=="x64"', {'cflags_cc': ['-msse4.2']}]],
    },
  ],
  'conditions': [['target_arch=="x64"', {
    'targets': [
      {
        'target_name': 'level8',
        'type': 'static_library',
        'sources': ['level.cc'],
        'defines': ['WIDTH=8'],
        'cflags_cc': ['-mavx2', '-mfma'],
      },
      {
        'target_name': 'level16',
        'type': 'static_library',
        'sources': ['level.cc'],
        'defines': ['WIDTH=16'],
        'cflags_cc': [
          '-mavx2', '-mfma', '-mavx512f', '-mavx512dq', '-mavx512vl', '-mavx512bw', '-mprefer-vector-width=512',
        ],
      },
    ],
  }]],
}
