//! Prints the text of a recording: recognize recognizer.onnx tokens.txt recording.wav
use std::borrow::Cow;
use std::error::Error;

use ort::session::{Session, SessionInputValue};
use ort::value::Tensor;

/// Options of the search; a graph has those that its search reads.
const FLOATS: [(&str, f32); 5] = [
    ("ctc_weight", 0.3),
    ("lm_weight", 0.5),
    ("penalty", 0.0),
    ("maxlenratio", 0.0),
    ("minlenratio", 0.0),
];
const INTEGERS: [(&str, i64); 2] = [("normalize_length", 0), ("nbest", 1)];

type Input<'a> = (Cow<'a, str>, SessionInputValue<'a>);

fn number<const N: usize>(bytes: &[u8], place: usize) -> Result<[u8; N], Box<dyn Error>> {
    let found = bytes
        .get(place..place + N)
        .ok_or("the WAV file ends too early")?;
    Ok(found.try_into()?)
}

/// Samples in [-1, 1) of a WAV file of 16 bits and one channel.
fn read_wav(path: &str, rate: u32) -> Result<Vec<f32>, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    if bytes.get(8..12) != Some(b"WAVE") {
        return Err("expected a WAV file".into());
    }
    let mut at = 12;
    while at + 8 <= bytes.len() {
        let (size, body) = (u32::from_le_bytes(number(&bytes, at + 4)?) as usize, at + 8);
        match &bytes[at..at + 4] {
            b"fmt " => {
                let channels = u16::from_le_bytes(number(&bytes, body + 2)?);
                let found = u32::from_le_bytes(number(&bytes, body + 4)?);
                let bits = u16::from_le_bytes(number(&bytes, body + 14)?);
                if (channels, found, bits) != (1, rate, 16) {
                    return Err(format!("expected one channel of 16 bits at {rate} Hz").into());
                }
            }
            b"data" => {
                let end = bytes.len().min(body + size);
                let pairs = bytes[body..end].chunks_exact(2);
                return Ok(pairs
                    .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32768.0)
                    .collect());
            }
            _ => {}
        }
        at = body + size + size % 2;
    }
    Err("the WAV file has no samples".into())
}

/// The joined pieces of tokens, with spaces for the marks; a line of tokens.txt is a piece and its index.
fn text_of(tokens: &[i64], table: &str) -> String {
    let pieces: Vec<&str> = table
        .lines()
        .map(|line| line.rsplit_once(' ').map_or(line, |(piece, _)| piece))
        .collect();
    let joined: String = tokens.iter().map(|&token| pieces[token as usize]).collect();
    joined.replace('\u{2581}', " ").trim().to_string()
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, model, tokens, recording] = &arguments[..] else {
        return Err("usage: recognize recognizer.onnx tokens.txt recording.wav".into());
    };
    let mut session = Session::builder()?.commit_from_file(model)?;
    let rate = session
        .metadata()?
        .custom("sample_rate")
        .ok_or("the model is no recogniser that is one graph")?;
    let samples = read_wav(recording, rate.parse()?)?;

    let names: Vec<String> = session
        .inputs()
        .iter()
        .map(|input| input.name().to_string())
        .collect();
    let length = samples.len();
    let mut inputs: Vec<Input> = vec![
        (
            "speech".into(),
            Tensor::from_array(([1, length], samples))?.into(),
        ),
        (
            "speech_lengths".into(),
            Tensor::from_array(([1], vec![length as i64]))?.into(),
        ),
    ];
    for (name, value) in FLOATS
        .into_iter()
        .filter(|(name, _)| names.iter().any(|known| known == name))
    {
        inputs.push((name.into(), Tensor::from_array(([1], vec![value]))?.into()));
    }
    for (name, value) in INTEGERS
        .into_iter()
        .filter(|(name, _)| names.iter().any(|known| known == name))
    {
        inputs.push((name.into(), Tensor::from_array(([1], vec![value]))?.into()));
    }
    let found = session.run(inputs)?;
    let status = found["status"].try_extract_tensor::<i64>()?.1[0];
    if status != 0 {
        return Err(format!("not recognised, status {status}").into());
    }
    // (utterances, hypotheses, tokens): the best hypothesis of the only utterance comes first.
    let count = found["token_lengths"].try_extract_tensor::<i64>()?.1[0] as usize;
    let ids = found["token_ids"].try_extract_tensor::<i64>()?.1;
    println!(
        "{}",
        text_of(&ids[..count], &std::fs::read_to_string(tokens)?)
    );
    Ok(())
}
