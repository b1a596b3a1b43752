{ 'targets': [{ 'target_name': 'quiet', 'sources': ['quiet.c'], 'defines': ['NAPI_VERSION=8'] }] }
