"""The zoo's own architectures. Importing this package imports no TensorFlow: see the registry."""

from zoo.registry import Architecture

ARCHITECTURES = (
    Architecture(
        name="char_lstm",
        task="text-generation",
        summary="Character language model: embedding, LSTM, GRU or RNN layers, softmax.",
        builder="zoo.models.char_lstm:build",
        config="zoo.models.char_lstm:CharLSTMConfig",
        processor="zoo.processing.characters:Characters",
        task_class="zoo.tasks.text_generation:TextGeneration",
        recipe="zoo.recipes.char_lstm",
        default_weights="shakespeare",
    ),
    Architecture(
        name="ctc_bilstm",
        task="automatic-speech-recognition",
        summary="Whole-utterance recogniser: convolutions, bidirectional LSTM or GRU layers, CTC.",
        builder="zoo.models.ctc:build_bidirectional",
        config="zoo.models.ctc:CTCBiLSTMConfig",
        processor="zoo.processing.speech:Speech",
        task_class="zoo.tasks.speech_recognition:SpeechRecognition",
        recipe="zoo.recipes.ctc_speech",
        default_weights="an4",
    ),
    Architecture(
        name="ctc_lstm",
        task="automatic-speech-recognition",
        summary="Streaming recogniser: causal convolutions, LSTM or GRU layers, row convolution, "
        "CTC.",
        builder="zoo.models.ctc:build_causal",
        config="zoo.models.ctc:CTCLSTMConfig",
        processor="zoo.processing.speech:Speech",
        task_class="zoo.tasks.speech_recognition:SpeechRecognition",
        recipe="zoo.recipes.ctc_speech",
        default_weights="an4",
    ),
    Architecture(
        name="crnn",
        task="image-to-text",
        summary="Recogniser of handwritten lines: convolutions, bidirectional LSTM or GRU layers, "
        "CTC.",
        builder="zoo.models.crnn:build",
        config="zoo.models.crnn:CRNNConfig",
        processor="zoo.processing.handwriting:Lines",
        task_class="zoo.tasks.handwriting:LineRecognition",
        recipe="zoo.recipes.crnn",
        default_weights="latin",
    ),
    Architecture(
        name="pen_bilstm",
        task="image-to-text",
        summary="Recogniser of pen strokes: strided convolutions, bidirectional LSTM or GRU "
        "layers, CTC.",
        builder="zoo.models.pen_bilstm:build",
        config="zoo.models.pen_bilstm:PenBiLSTMConfig",
        processor="zoo.processing.handwriting:Pen",
        task_class="zoo.tasks.handwriting:PenRecognition",
        recipe="zoo.recipes.pen_bilstm",
        default_weights="unipen",
    ),
    Architecture(
        name="seq2seq_lstm",
        task="translation",
        summary="Translator: bidirectional LSTM or GRU encoder, attention, decoder, subwords.",
        builder="zoo.models.seq2seq:build",
        config="zoo.models.seq2seq:Seq2SeqConfig",
        processor="zoo.processing.subwords:Subwords",
        task_class="zoo.tasks.translation:Translation",
        recipe="zoo.recipes.seq2seq_lstm",
        default_weights="tatoeba",
    ),
)
