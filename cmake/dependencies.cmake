# Libraries from outside, each as a target nb::NAME. docs/dependencies.md says what each is for;
# deploy/install-deps installs them.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS C)

function(nb_external name module)
    pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${module})
    add_library(nb::${name} ALIAS PkgConfig::${name})
endfunction()

nb_external(crypto libcrypto)
nb_external(jansson jansson)
nb_external(sndfile sndfile)
nb_external(soxr soxr)
nb_external(fftw3 fftw3)
nb_external(fftw3f fftw3f)
nb_external(yaml yaml-0.1)
nb_external(zmq libzmq)
nb_external(protobufc libprotobuf-c)
nb_external(git2 libgit2)
nb_external(sqlite3 sqlite3)
nb_external(expat expat)
