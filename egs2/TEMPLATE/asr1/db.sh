# Sourced. Directories of corpora; edit them as needed. `downloads` is below the recipe's directory.
# shellcheck shell=bash

AN4=downloads
AN4_URL=https://dldata-public.s3.us-east-2.amazonaws.com/an4_sphere.tar.gz
LIBRISPEECH=downloads
LIBRISPEECH_URL=https://www.openslr.org/resources/12
export AN4 AN4_URL LIBRISPEECH LIBRISPEECH_URL
