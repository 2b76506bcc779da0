#!/bin/sh
# Makes the certificates of tests/test_gather_fetch_tls.py: good for a hundred years, for 127.0.0.1 on loopback only.
set -e
ca="basicConstraints=critical,CA:TRUE"
key() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$2"; }
sign() { openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -out "$1.pem" -extfile ext $3 2>/dev/null; }
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.pem -subj "/CN=test root" -days 36500 -addext "$ca" -addext "keyUsage=critical,keyCertSign" 
key middle "test intermediate"; printf '%s\nkeyUsage=critical,keyCertSign\n' "$ca" > ext; sign middle root "-days 36500"
key leaf 127.0.0.1; echo "subjectAltName=IP:127.0.0.1" > ext; sign leaf middle "-days 36500"
key other other.example; echo "subjectAltName=DNS:other.example" > ext; sign other root "-days 36500"
key expired 127.0.0.1; echo "subjectAltName=IP:127.0.0.1" > ext
faketime=$(date -u -d '2020-01-01' +%Y%m%d000000Z); until=$(date -u -d '2021-01-01' +%Y%m%d000000Z)
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index\nnew_certs_dir=.\nserial=serial\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n' > conf
: > index; echo 99 > serial
openssl ca -batch -config conf -cert root.pem -keyfile root.key -in expired.csr -out expired.pem -notext -startdate "$faketime" -enddate "$until" -extfile ext 2>/dev/null
openssl req -x509 -key leaf.key -out alone.pem -subj "/CN=127.0.0.1" -days 36500 -addext "subjectAltName=IP:127.0.0.1"
cat leaf.pem middle.pem leaf.key > good.pem; cat leaf.pem leaf.key > incomplete.pem
cat other.pem other.key > wrong_name.pem; cat expired.pem expired.key > expired_.pem; mv expired_.pem expired.pem
cat alone.pem leaf.key > self_signed.pem
rm -f ./*.key ./*.csr ./*.srl ext conf index* serial* 99.pem leaf.pem middle.pem other.pem alone.pem
